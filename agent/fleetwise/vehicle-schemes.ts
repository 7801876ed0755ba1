import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import type { CampaignPlan } from "../telemetry/campaigns/plan/campaign-plan.ts";
import type { CampaignParts } from "../telemetry/campaigns/run/campaign-parts.ts";
import type { OwnCollection } from "../telemetry/campaigns/run/own-collection.ts";
import { type EventOutput, EventRecords } from "./collect/event-records.ts";
import { SchemeCollection, type SchemeShare } from "./collect/scheme-collection.ts";
import { type PlannedScheme, planScheme } from "./collect/scheme-plan.ts";
import type { ManifestLine } from "./manifest-line.ts";
import type { CollectionScheme, CollectionSchemes } from "./read/collection-schemes.ts";
import type { Refusal } from "./read/document.ts";
import type { Refusals } from "./refusals.ts";

export type VehicleSchemesParts = {
  readonly refusals: Refusals;
  readonly output: Omit<EventOutput, "schema">;
  readonly share: SchemeShare;
  /** Bound of the samples that all schemes hold together. */
  readonly maxBufferBytes: number;
  readonly clock: Clock;
  readonly log: Log;
};

const NONE: CollectionSchemes = { schemes: [], refused: [] };

/** The collection schemes of the cloud, and the campaigns that they are by the manifest in force. */
export class VehicleSchemes {
  readonly #parts: VehicleSchemesParts;
  #list = NONE;
  #line: ManifestLine | undefined;
  /** By digest of the plan. */
  #planned: ReadonlyMap<string, PlannedScheme> = new Map();
  /** Those of the manifest in force that are not taken. */
  #refused: ReadonlySet<CollectionScheme> = new Set();

  constructor(parts: VehicleSchemesParts) {
    this.#parts = parts;
  }

  /** The whole list: what is not in it ends. */
  take(list: CollectionSchemes): void {
    this.#list = list;
    this.#plan();
    const { schemes, refused } = list;
    const taken = {
      schemes: schemes.length,
      planned: this.#planned.size,
      refused: refused.length + this.#refused.size,
    };
    this.#parts.log.info("fleetwise.schemes-taken", taken);
  }

  /** Another manifest is in force. */
  useLine(line: ManifestLine): void {
    this.#line = line;
    this.#plan();
  }

  plans(): readonly CampaignPlan[] {
    return [...this.#planned.values()].map(({ plan }) => plan);
  }

  /** A new collection for the plan of a scheme; undefined for other plans. */
  collectionOf({ digest }: CampaignPlan, parts: CampaignParts): OwnCollection | undefined {
    const planned = this.#planned.get(digest);
    const schema = this.#line?.usable.table;
    if (planned === undefined || schema === undefined) return undefined;
    const { settings, source } = planned;
    const records = new EventRecords(source, { ...this.#parts.output, schema });
    return new SchemeCollection(settings, records, this.#parts.share, parts);
  }

  /** Ids of the schemes that are taken and not over: those that run, and those that wait for their time or their manifest. */
  documents(): readonly string[] {
    const nowMs = this.#parts.clock.wallUs() / 1000;
    return this.#list.schemes
      .filter((scheme) => scheme.expiryMs > nowMs && !this.#refused.has(scheme))
      .map(({ syncId }) => syncId);
  }

  #plan(): void {
    const line = this.#line;
    const told: Refusal[] = [...this.#list.refused];
    const planned = new Map<string, PlannedScheme>();
    const refused = new Set<CollectionScheme>();
    let bufferBytes = 0;
    for (const scheme of this.#list.schemes) {
      const entry = `scheme ${scheme.syncId}`;
      if (line === undefined || scheme.manifestSyncId !== line.usable.manifest.syncId) continue;
      const made = this.#planOf(scheme, line, bufferBytes);
      if (made.kind === "planned") {
        bufferBytes += made.planned.bufferBytes;
        planned.set(made.planned.plan.digest, made.planned);
        told.push(...made.planned.remarks.map((problem) => ({ entry, problem })));
      } else {
        refused.add(scheme);
        told.push({ entry, problem: made.problem });
      }
    }
    this.#planned = planned;
    this.#refused = refused;
    this.#parts.refusals.tell("collection schemes", told);
  }

  #planOf(scheme: CollectionScheme, line: ManifestLine, usedBytes: number): ReturnType<typeof planScheme> {
    const { manifest, placed, table } = line.usable;
    const made = planScheme(scheme, {
      manifestSyncId: manifest.syncId,
      table,
      find: (id) => line.find(id),
      nameOf: (id) => placed.names.get(id),
      readsCodes: this.#parts.output.codes !== undefined,
    });
    const { maxBufferBytes } = this.#parts;
    if (made.kind === "unfit" || usedBytes + made.planned.bufferBytes <= maxBufferBytes) return made;
    const problem = `its samples take ${made.planned.bufferBytes} bytes, more than is left of fleetwise.limits.bufferBytes (${maxBufferBytes})`;
    return { kind: "unfit", problem };
  }
}
