import { ChangeSignal } from "../core/change-signal.ts";
import { AgentError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { sha256Hex } from "../core/signatures.ts";
import type { BusSink } from "../ports/can-bus.ts";
import type { FrameBatch } from "../ports/frame.ts";
import type { CampaignPlan } from "../telemetry/campaigns/plan/campaign-plan.ts";
import type { CampaignParts } from "../telemetry/campaigns/run/campaign-parts.ts";
import type { OwnCollection } from "../telemetry/campaigns/run/own-collection.ts";
import type { FrameCounters } from "../telemetry/pipeline.ts";
import type { KeptDocuments } from "./kept-documents.ts";
import { ManifestLine, type ManifestLineParts, type UsableManifest, usableManifest } from "./manifest-line.ts";
import type { ManifestPlaces } from "./manifest-table.ts";
import type { FleetwiseReader } from "./read/fleetwise-reader.ts";
import type { Refusals } from "./refusals.ts";
import type { VehicleSchemes } from "./vehicle-schemes.ts";
import type { VehicleStates } from "./vehicle-states.ts";

export type VehicleParts = {
  readonly reader: FleetwiseReader;
  readonly kept: KeptDocuments;
  readonly refusals: Refusals;
  readonly schemes: VehicleSchemes;
  readonly states: VehicleStates;
  readonly line: ManifestLineParts;
  readonly settings: ManifestPlaces & { readonly maxSignals: number };
  readonly log: Log;
};

/** How the vehicle does; `schemes` are those that run, by the id of their campaign, and active state templates. */
export type FleetwiseFacts = {
  readonly documents: readonly string[];
  readonly signals: number;
  readonly schemes: readonly {
    readonly id: string;
    readonly state: string;
    readonly events: number;
    /** Held back because there were too many. */
    readonly suppressed: number;
  }[];
  readonly frames: Readonly<Record<string, FrameCounters>>;
};

/**
 * The vehicle as the cloud of FleetWise knows it: the decoder manifest, the collection schemes and the state templates in force. A document
 * is in force before it is written, and written before it is acknowledged; one that cannot be used leaves what was in force.
 */
export class FleetwiseVehicle {
  /** Tells when the documents are others. */
  readonly changed = new ChangeSignal();
  readonly #parts: VehicleParts;
  #line: ManifestLine | undefined;
  #isStarted = false;
  #isStopped = false;
  /** SHA-256 of what the documents in force say, whenever it was said: a cloud repeats itself at each check-in. */
  readonly #taken = { manifest: "", schemes: "" };

  constructor(parts: VehicleParts) {
    this.#parts = parts;
  }

  /** Takes up what was in force before this start. Call once, before frames come. */
  restore(): void {
    const { kept } = this.#parts;
    kept.begin();
    const manifest = kept.payload("manifest");
    if (manifest !== undefined) this.#takeManifest(manifest);
    const schemes = kept.payload("schemes");
    if (schemes !== undefined) this.#takeSchemes(schemes);
  }

  /** A DecoderManifest has come. */
  takeManifest(payload: Uint8Array): void {
    if (this.#isStopped || !this.#takeManifest(payload)) return;
    this.#parts.kept.keepPayload("manifest", payload);
    this.changed.notify();
  }

  /** A CollectionSchemes has come: all schemes, in place of those before. */
  takeSchemes(payload: Uint8Array): void {
    if (this.#isStopped || !this.#takeSchemes(payload)) return;
    this.#parts.kept.keepPayload("schemes", payload);
    this.changed.notify();
  }

  /** A StateTemplates has come: a change of the list. */
  takeTemplates(payload: Uint8Array): void {
    if (this.#isStopped) return;
    const { reader, refusals, states, kept, log } = this.#parts;
    const read = reader.templates(payload);
    if (read.kind === "unreadable") return this.#tellUnreadable("state templates", read.problem);
    refusals.tell("state templates", read.document.refused);
    const list = states.take(read.document);
    if (list === undefined) return;
    kept.keepTemplates(list);
    log.info("fleetwise.templates-taken", { templates: list.templates.length });
    this.changed.notify();
  }

  /** Ids of what the vehicle has: the manifest, the schemes that it takes, active or not yet, and the state templates. */
  documents(): readonly string[] {
    const { schemes, states } = this.#parts;
    const manifest = this.#line?.usable.manifest.syncId;
    const templates = states.list.templates.map(({ syncId }) => syncId);
    return [...(manifest === undefined ? [] : [manifest]), ...schemes.documents(), ...templates];
  }

  /** What is in force, and what came of it since it is. */
  facts(): FleetwiseFacts {
    const documents = this.documents();
    const line = this.#line;
    if (line === undefined) return { documents, signals: 0, schemes: [], frames: {} };
    const schemes = line.list().map(({ plan, figures }) => {
      const { state, triggers, suppressed } = figures;
      return { id: plan.document.id, state, events: triggers, suppressed };
    });
    const frames = Object.fromEntries(line.counters().buses);
    return { documents, signals: line.usable.table.signals.length, schemes, frames };
  }

  /** What the driver of a bus delivers goes to `first`, and then to the line of the manifest. */
  besides(bus: string, first: BusSink): BusSink {
    return {
      onFrames: (batch) => {
        first.onFrames(batch);
        this.#takeFrames(bus, batch);
      },
      onState: (state, detail) => first.onState(state, detail),
    };
  }

  /** An answer of OBD-II (`41 PID data`) has come on a bus. */
  takeObd(bus: string, pdu: Uint8Array, receivedAtUs: number): void {
    this.#line?.takeObd(bus, pdu, receivedAtUs);
  }

  /** From now on what is collected is stored. */
  start(): void {
    this.#isStarted = true;
    this.#line?.start();
  }

  /** Stores what is held, and takes no more documents. Call when no more frames come. */
  stop(): void {
    this.#isStopped = true;
    this.#line?.stop();
    this.#parts.kept.settle();
  }

  /** The plans of schemes or state templates have changed. */
  apply(): void {
    const { schemes, states } = this.#parts;
    this.#line?.use([...schemes.plans(), ...states.plans()]);
  }

  #takeFrames(bus: string, batch: FrameBatch): void {
    this.#line?.sinkOf(bus)?.onFrames(batch);
  }

  /** Whether it is another one now. */
  #takeManifest(payload: Uint8Array): boolean {
    const { reader, refusals, log } = this.#parts;
    const read = reader.manifest(payload);
    if (read.kind === "unreadable") {
      this.#tellUnreadable("decoder manifest", read.problem);
      return false;
    }
    const digest = digestOf(read.document);
    if (digest === this.#taken.manifest) return false;
    const usable = this.#usable(read.document);
    const { syncId } = read.document;
    if (typeof usable === "string") {
      refusals.tell("decoder manifest", [{ entry: `decoder manifest ${syncId}`, problem: usable }]);
      return false;
    }
    this.#use(usable);
    this.#taken.manifest = digest;
    refusals.tell("decoder manifest", [...usable.manifest.refused, ...usable.placed.refused]);
    log.info("fleetwise.manifest-taken", { manifest: syncId, signals: usable.table.signals.length });
    return true;
  }

  #usable(manifest: UsableManifest["manifest"]): UsableManifest | string {
    const { settings } = this.#parts;
    try {
      return usableManifest(manifest, settings, settings.maxSignals);
    } catch (thrown) {
      if (!(thrown instanceof AgentError)) throw thrown;
      return thrown.message;
    }
  }

  #use(usable: UsableManifest): void {
    const { schemes, states, line } = this.#parts;
    const own = (plan: CampaignPlan, parts: CampaignParts): OwnCollection | undefined =>
      schemes.collectionOf(plan, parts) ?? states.collectionOf(plan);
    const next = new ManifestLine(usable, own, line);
    this.#line?.stop();
    this.#line = next;
    schemes.useLine(next);
    states.useLine(next);
    if (this.#isStarted) next.start();
    this.apply();
  }

  #takeSchemes(payload: Uint8Array): boolean {
    const read = this.#parts.reader.schemes(payload);
    if (read.kind === "unreadable") {
      this.#tellUnreadable("collection schemes", read.problem);
      return false;
    }
    const digest = digestOf(read.document);
    if (digest === this.#taken.schemes) return false;
    this.#taken.schemes = digest;
    this.#parts.schemes.take(read.document);
    this.apply();
    return true;
  }

  #tellUnreadable(document: string, problem: string): void {
    this.#parts.refusals.tell(document, [{ entry: document, problem }]);
  }
}

function digestOf(document: unknown): string {
  return sha256Hex(new TextEncoder().encode(JSON.stringify(document)));
}
