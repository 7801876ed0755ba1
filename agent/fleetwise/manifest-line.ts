import type { Clock } from "../core/clock.ts";
import type { BusSink, CanBus } from "../ports/can-bus.ts";
import { createSignalTable } from "../signals/build-table.ts";
import type { MessageEntry } from "../signals/signal-entry.ts";
import { exactSignalName } from "../signals/signal-names.ts";
import type { SignalTable } from "../signals/signal-table.ts";
import { type BusFrames, WantedSignals } from "../signals/wanted-signals.ts";
import type { Appender } from "../telemetry/appender.ts";
import type { CampaignPlan } from "../telemetry/campaigns/plan/campaign-plan.ts";
import { CampaignSet, type CampaignStatus } from "../telemetry/campaigns/run/campaign-set.ts";
import type { OwnCollections } from "../telemetry/campaigns/run/own-collection.ts";
import { Collector } from "../telemetry/collect/collector.ts";
import type { LatestValues } from "../telemetry/collect/latest-values.ts";
import { Pipeline, type PipelineCounters } from "../telemetry/pipeline.ts";
import { countOf } from "../telemetry/record/encode/bus-count.ts";
import type { Encoder } from "../telemetry/record/encode/encoder.ts";
import type { KnownSignal } from "./collect/manifest-signal.ts";
import { type ManifestPlaces, type ManifestTable, manifestTable, OBD_MESSAGE } from "./manifest-table.ts";
import type { DecoderManifest } from "./read/decoder-manifest.ts";

/** Longest time of a batch, ms: four looks, and what is due at one of them is stored with it. */
const BATCH_MS = 400;

/** A bus as far as a line needs it. */
export type LineBus = Pick<CanBus, "name" | "counters">;

export type ManifestLineParts = {
  /** In the order of the configuration. */
  readonly buses: readonly LineBus[];
  /** Which frames the line wants from now on, in place of those before. */
  readonly want: (frames: readonly BusFrames[]) => void;
  readonly encoder: Encoder;
  readonly appender: Appender;
  readonly clock: Clock;
  /** Samples that end a batch. */
  readonly batchSamples: number;
  /** Whether its table is announced for records of our own. */
  readonly hasOwnRecords: boolean;
};

/** A manifest as the vehicle can use it. */
export type UsableManifest = {
  readonly manifest: DecoderManifest;
  readonly placed: ManifestTable;
  readonly table: SignalTable;
};

/** The signal table of a manifest, or why there is none. `maxSignals` is the bound of its signals. */
export function usableManifest(
  manifest: DecoderManifest,
  places: ManifestPlaces,
  maxSignals: number,
): UsableManifest | string {
  if (manifest.signals.length > maxSignals) {
    return `${manifest.signals.length} signals, more than decode.maxSignals (${maxSignals})`;
  }
  const placed = manifestTable(manifest, places);
  return { manifest, placed, table: createSignalTable(placed.sources) };
}

/**
 * The line from the buses to the outbox for what a manifest describes, beside that of the DBC files: the same parts, another table. So a
 * manifest comes into force between two frames, and nothing else of the agent notices.
 */
export class ManifestLine {
  readonly usable: UsableManifest;
  readonly set: CampaignSet;
  readonly #parts: ManifestLineParts;
  readonly #known: ReadonlyMap<number, KnownSignal>;
  readonly #collector: Collector;
  readonly #wanted: WantedSignals;
  readonly #pipeline: Pipeline;
  readonly #sinks: ReadonlyMap<string, BusSink>;
  /** Messages of OBD-II by bus and PID. */
  readonly #obd: ReadonlyMap<string, MessageEntry>;
  /** Another one is in its place, whose wishes count. */
  #isStopped = false;

  constructor(usable: UsableManifest, own: OwnCollections, parts: ManifestLineParts) {
    const { buses, encoder, appender, batchSamples } = parts;
    const { table } = usable;
    this.usable = usable;
    this.#parts = parts;
    this.#known = knownSignals(usable);
    this.#collector = new Collector(table);
    this.#wanted = new WantedSignals(table);
    this.#attach();
    const busCounts = () => buses.map((bus) => countOf(bus));
    const campaign = {
      table,
      encoder,
      history: undefined,
      vehicle: { busCounts },
      clock: encoder.stamps,
      batchSamples,
    };
    this.set = new CampaignSet(
      {
        campaign,
        // Nothing of a scheme outlives the process, as there.
        appender: {
          add: (draft) => appender.add(draft),
          addTogether: (drafts) => appender.addTogether(drafts, []),
          storeSoon: (join) => appender.storeSoon(join),
        },
        kept: [],
        run: "",
        collector: this.#collector,
        busNames: buses.map(({ name }) => name),
        facts: () => new Map(),
        want: this.#wantInTurn(),
      },
      own,
    );
    const obd = table.messages.filter(({ name, carriage }) => name === OBD_MESSAGE && carriage === "pdus");
    this.#obd = new Map(obd.map((message) => [`${message.bus} ${message.arbitrationId}`, message]));
    this.#pipeline = this.#newPipeline();
    this.#sinks = new Map(buses.map((bus) => [bus.name, this.#pipeline.sinkFor(bus)]));
  }

  /** The newest values of its signals that somebody wants. */
  get latest(): LatestValues {
    return this.#collector.latest;
  }

  /** A signal by its id; undefined for one that the manifest has not, or that comes on no bus of the vehicle. */
  find(id: number): KnownSignal | undefined {
    return this.#known.get(id);
  }

  /** Gets every batch of frames of a bus. */
  sinkOf(bus: string): Pick<BusSink, "onFrames"> | undefined {
    return this.#sinks.get(bus);
  }

  /** Takes an answer of OBD-II (`41 PID data`) that came on a bus. */
  takeObd(bus: string, pdu: Uint8Array, receivedAtUs: number): void {
    const message = this.#obd.get(`${bus} ${pdu[1]}`);
    if (message !== undefined) this.#pipeline.takePdu(message, pdu, receivedAtUs);
  }

  /** From the next frame on these run, and no others. */
  use(plans: readonly CampaignPlan[]): void {
    this.set.use(plans);
  }

  /** Has these signals decoded, whether a scheme collects them or not. Gives what ends it. */
  hold(ids: readonly number[]): () => void {
    const signals = ids.flatMap((id) => this.find(id)?.entry ?? []);
    return this.#wanted.holdSignals("state templates", signals);
  }

  list(): readonly CampaignStatus[] {
    return this.set.list();
  }

  counters(): PipelineCounters {
    return this.#pipeline.counters();
  }

  /** Begins to store what it collects. */
  start(): void {
    this.#pipeline.start();
  }

  /** Stores what it holds, and wants no more frames. */
  stop(): void {
    this.#pipeline.stop();
    this.#isStopped = true;
    this.#parts.want([]);
  }

  #newPipeline(): Pipeline {
    const { encoder, appender, clock, hasOwnRecords } = this.#parts;
    const { table } = this.usable;
    return new Pipeline({
      table,
      collector: this.#collector,
      campaigns: this.set,
      encoder: {
        stamps: encoder.stamps,
        busEvent: (event) => encoder.busEvent(event),
        table: () => (hasOwnRecords ? encoder.table(table) : []),
        get maxBodyBytes() {
          return encoder.maxBodyBytes;
        },
      },
      appender: {
        add: (draft) => appender.add(draft),
        store: () => appender.store(),
        storeSoon: (join) => appender.storeSoon(join),
        // What the other line still holds is not given up when this one ends.
        abandon: () => undefined,
        counters: () => appender.counters(),
        state: () => appender.state(),
      },
      clock,
      takers: {},
      batchMs: BATCH_MS,
    });
  }

  /** What it wants of each bus goes on as one wish of the line. */
  #attach(): void {
    const filters = new Map<string, BusFrames>();
    for (const { name } of this.#parts.buses) {
      this.#wanted.attach({
        name,
        receive: (own) => {
          filters.set(name, { bus: name, filters: own });
          if (!this.#isStopped) this.#parts.want([...filters.values()]);
        },
      });
    }
  }

  #wantInTurn(): ConstructorParameters<typeof CampaignSet>[0]["want"] {
    let release = (): void => undefined;
    return (interest) => {
      release();
      release = this.#wanted.want("schemes", interest);
      this.#wanted.settle();
    };
  }
}

function knownSignals({ placed, table }: UsableManifest): ReadonlyMap<number, KnownSignal> {
  const entries = new Map(table.signals.map((entry) => [exactSignalName(entry), entry]));
  return new Map(
    [...placed.signals].flatMap(([id, wire]) => {
      const entry = entries.get(placed.names.get(id) ?? "");
      return entry === undefined ? [] : [[id, { wire, entry }]];
    }),
  );
}
