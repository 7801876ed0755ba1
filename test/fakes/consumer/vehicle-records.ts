import { readFileSync } from "node:fs";
import type { ClockQuality } from "../../../agent/core/clock.ts";
import { createSignalTable } from "../../../agent/signals/build-table.ts";
import { parseDbcBytes } from "../../../agent/signals/dbc/bytes.ts";
import type { SignalTable } from "../../../agent/signals/signal-table.ts";
import { Encoder } from "../../../agent/telemetry/record/encode/encoder.ts";
import type { EncodedDraft } from "../../../agent/telemetry/record/encode/record-sealer.ts";
import { SendSchedule } from "../../bench/vehicle/send-schedule.ts";
import { readVehicle } from "../../bench/vehicle/vehicle-dbc.ts";
import { frameOf } from "../../bench/vehicle/vehicle-model.ts";
import { ManualClock } from "../core/clock.ts";
import { RuleCollector } from "../telemetry/rule-collector.ts";

const DBC = "config/bench-vehicle.dbc";
const EPOCH = 0xa1b2_c3d4_e5f6;

/** What a drive is like; `batchMs` is how much of it goes into a record. */
export type DriveSettings = {
  readonly thing: string;
  readonly seed: number;
  /** Start by the vehicle's own clock, µs since the Unix epoch, and by its monotonic clock, ms. */
  readonly startUs: number;
  readonly startMonotonicMs?: number;
  readonly quality?: ClockQuality;
  readonly bootId?: string;
  readonly batchMs: number;
  readonly epoch?: number;
  /** Patterns of the signals that are sent and collected, "MESSAGE.SIGNAL"; all when absent. */
  readonly signals?: readonly string[];
};

/** The table of the bench's vehicle. */
export function benchTable(): SignalTable {
  return createSignalTable([{ bus: "can0", database: parseDbcBytes(readFileSync(DBC)).database }]);
}

/** The bench's vehicle on its drive cycle, collected on change as the agent does by default, as payloads of records one after the other. */
export class BenchDrive {
  readonly clock: ManualClock;
  readonly encoder: Encoder;
  readonly #settings: DriveSettings;
  readonly #seqs = { event: 0, telemetry: 0 };
  readonly #vehicle = readVehicle(DBC);
  readonly #table = benchTable();
  readonly #collector: RuleCollector;
  readonly #schedule = new SendSchedule(this.#vehicle.map(({ periodMs }) => periodMs));
  readonly #lane;
  #ms = 0;

  constructor(settings: DriveSettings) {
    const { thing, startUs, startMonotonicMs = 5000, quality = "ntp" } = settings;
    const { bootId = "0123456789abcdef0123456789abcdef" } = settings;
    this.#settings = settings;
    const wanted = settings.signals?.map((signals) => ({ signals, mode: "on-change" as const }));
    const rules = wanted === undefined ? [] : [{ signals: "*", mode: "off" as const }, ...wanted];
    this.#collector = new RuleCollector({ table: this.#table, rules, batchSamples: 200_000 });
    this.clock = new ManualClock({ wallUs: startUs, monotonicMs: startMonotonicMs, quality });
    const limits = { compression: "zstd", maxPayloadBytes: 120_000, timeResolutionUs: 1000, lifeMs: {} } as const;
    this.encoder = new Encoder({ thing, bootId, table: this.#table, clock: this.clock, settings: limits });
    this.#lane = this.encoder.lane({ schema: this.#table, campaign: undefined, stream: "telemetry", form: "columns" });
  }

  /** The parts of the signal table. */
  table(): readonly Uint8Array[] {
    return this.encoder.table().map((draft) => this.seal(draft));
  }

  /** The records of the next `batches` batches. */
  drive(batches: number): readonly Uint8Array[] {
    const payloads: Uint8Array[] = [];
    for (let batch = 0; batch < batches; batch++) {
      this.#ms += this.#settings.batchMs;
      this.clock.advance(this.#settings.batchMs);
      this.#frames();
      const count = { bus: "can0", received: this.#ms, dropped: 0, errorFrames: 0 };
      payloads.push(...this.#lane.encode(this.#collector.drain(this.#ms, false), [count]).map((one) => this.seal(one)));
    }
    return payloads;
  }

  /** A draft with the next seq of its stream. */
  seal(draft: EncodedDraft): Uint8Array {
    const stream = draft.stream === "telemetry" ? "telemetry" : "event";
    this.#seqs[stream] += 1;
    return draft.seal({ epoch: this.#settings.epoch ?? EPOCH, stream: draft.stream, seq: this.#seqs[stream] });
  }

  /** Leaves a seq out, as a record that was lost would. */
  skip(stream: "event" | "telemetry"): number {
    this.#seqs[stream] += 1;
    return this.#seqs[stream];
  }

  #frames(): void {
    const { startUs, seed, signals } = this.#settings;
    for (const { message, n } of this.#schedule.take(this.#ms, Number.MAX_SAFE_INTEGER)) {
      const sent = this.#vehicle[message];
      if (signals?.every((pattern) => !pattern.startsWith(`${sent.name}.`)) === true) continue;
      const known = this.#table.bus("can0").find(sent.id, sent.extended);
      if (known === undefined) throw new Error(`the table does not know ${sent.name}`);
      const data = frameOf(sent, n, seed);
      const { values, wides, present } = this.#table;
      known.decode(data, 0, data.length, values, wides, present);
      this.#collector.take(known, !known.multiplexed, startUs + n * sent.periodMs * 1000);
    }
  }
}
