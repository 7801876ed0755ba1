import type { ClockQuality } from "../../../agent/core/clock.ts";
import { FrameBatch } from "../../../agent/ports/frame.ts";
import { Appender } from "../../../agent/telemetry/appender.ts";
import { Pipeline } from "../../../agent/telemetry/pipeline.ts";
import { Encoder } from "../../../agent/telemetry/record/encode/encoder.ts";
import type { DecodedRecord } from "../../../agent/telemetry/record/read/decoded-record.ts";
import { createRecordReader } from "../../../agent/telemetry/record/read/record-reader.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import { ManualClock } from "../core/clock.ts";
import { MemoryLog } from "../core/log.ts";
import { FakeOutbox } from "../ports/outbox.ts";
import { ruleLine } from "./rule-collector.ts";
import { tableOf } from "./table.ts";

/** Sample of a record, and where it was found. */
export type FoundSample = { readonly record: DecodedRecord; readonly timeUs: number };
/** When a frame was received: by the clock that nobody sets, and really. */
export type Receipt = { readonly boottimeMs: number; readonly trueUs: number; readonly boot: number };

type Line = {
  readonly take: (batch: FrameBatch) => void;
  readonly batch: FrameBatch;
  oldestMs: number;
  hasStepped: boolean;
};

const reader = createRecordReader(readDescriptor());
const BUSES = [0, 1] as const;
/** A driver empties what waits after this time at the latest. */
const LONGEST_WAIT_MS = 30;

/** How a boot begins. */
export type BootStart = {
  /** Wall time, µs since the Unix epoch. */
  readonly wallUs: number;
  readonly quality: ClockQuality;
  /** Whether the driver says by which clock it stamps. */
  readonly isNative?: boolean;
};

/**
 * A vehicle with two buses, whose clock the test sets, stops and makes run wrong, over several boots; beside it the true time, which no
 * record says. A frame carries a number that differs from that of the frame before.
 */
export class ClockedVehicle {
  readonly truth: readonly [Receipt[], Receipt[]] = [[], []];
  /** How much faster its clock runs than true time: 50e-6 is 50 ppm. */
  drift = 0;
  trueUs: number;
  clock = new ManualClock();
  readonly #outbox: FakeOutbox;
  readonly #table = tableOf([
    { name: "One", signals: [{ name: "A" }] },
    { name: "Two", bus: "can1", signals: [{ name: "B" }] },
  ]);
  #pipeline: Pipeline | undefined;
  #lines: readonly Line[] = [];
  #isNative = true;
  #boots = 0;

  constructor(trueUs: number) {
    this.trueUs = trueUs;
    this.#outbox = new FakeOutbox({ clock: this.clock, maxBytes: 1_000_000_000 });
  }

  /** Ends the boot before, after which `offMs` pass, and begins another one. */
  boot({ wallUs, quality, isNative = true }: BootStart, offMs = 0): void {
    this.end();
    this.trueUs += offMs * 1000;
    this.#isNative = isNative;
    this.#boots += 1;
    const clock = new ManualClock({ wallUs, monotonicMs: 3000, quality });
    this.clock = clock;
    const settings = { compression: "none", maxPayloadBytes: 120_000, timeResolutionUs: 1, lifeMs: {} } as const;
    const bootId = String(this.#boots).padStart(32, "0");
    const told = { ...settings, tellsSaved: true };
    const encoder = new Encoder({ thing: "van-1", bootId, table: this.#table, clock, settings: told });
    const outbox = this.#outbox;
    const appender = new Appender({ outbox, clock, log: new MemoryLog(), holdBytes: 1e6, wake: () => undefined });
    const table = this.#table;
    const parts = { table, rules: [], batchSamples: 1000, encoder, appender, clock: encoder.stamps };
    const line = ruleLine(parts);
    const pipeline = new Pipeline({ table, ...line, encoder, appender, takers: {}, clock, batchMs: 250 });
    const counters = () => ({ received: 0, dropped: 0, errorFrames: 0, transmitted: 0 });
    this.#lines = ["can0", "can1"].map((name): Line => {
      const sink = pipeline.sinkFor({ name, counters });
      const take = (batch: FrameBatch): void => sink.onFrames(batch);
      return { take, batch: new FrameBatch(200), oldestMs: Number.NaN, hasStepped: false };
    });
    this.#pipeline = pipeline;
    pipeline.start();
  }

  /** So much true time passes. */
  pass(ms: number): void {
    if (ms > LONGEST_WAIT_MS) for (const bus of BUSES) this.drain(bus);
    this.trueUs += ms * 1000;
    this.clock.advance(ms * (1 + this.drift));
  }

  frame(bus: 0 | 1): void {
    const line = this.#lines[bus];
    const { truth, clock } = this;
    truth[bus].push({ boottimeMs: clock.boottimeMs(), trueUs: this.trueUs, boot: this.#boots });
    line.batch.push(0x100 + bus, 0, Uint8Array.of(truth[bus].length % 250), clock.wallUs());
    if (Number.isNaN(line.oldestMs)) line.oldestMs = clock.boottimeMs();
    for (const one of BUSES) {
      if (clock.boottimeMs() - this.#lines[one].oldestMs > LONGEST_WAIT_MS) this.drain(one);
    }
  }

  drain(bus: 0 | 1): void {
    const line = this.#lines[bus];
    line.batch.clockOffsetUs = this.#isNative ? this.clock.wallUs() - this.clock.boottimeMs() * 1000 : undefined;
    line.take(line.batch);
    line.batch.count = 0;
    line.oldestMs = Number.NaN;
    line.hasStepped = false;
  }

  /** Somebody sets the clock. No driver lets frames wait for so long that it is set twice meanwhile. */
  set(wallUs: number, quality: ClockQuality): void {
    for (const bus of BUSES) if (this.#lines[bus].hasStepped) this.drain(bus);
    this.clock.stepWall(wallUs - this.clock.wallUs());
    this.clock.setQuality(quality);
    for (const line of this.#lines) line.hasStepped = true;
  }

  suspend(ms: number): void {
    for (const bus of BUSES) this.drain(bus);
    this.trueUs += ms * 1000;
    this.clock.suspend(ms);
  }

  /** The boot ends in order. */
  end(): void {
    if (this.#pipeline === undefined) return;
    for (const bus of BUSES) this.drain(bus);
    this.#pipeline.stop();
    this.#pipeline = undefined;
  }

  /** Payloads of the stream "telemetry", or of "event", in the order of their seqs. */
  payloads(stream: "telemetry" | "event" = "telemetry"): readonly Uint8Array[] {
    this.end();
    return this.#outbox.read(stream, 0, this.#outbox.lastRow(), 1_000_000, 1e12).map(({ payload }) => payload);
  }

  /** All records of samples, in the order of their seqs. */
  records(): readonly DecodedRecord[] {
    return this.payloads().map((payload) => reader.decode(payload));
  }
}

/** The samples of each bus, in the order of their records. */
export function samplesByBus(records: readonly DecodedRecord[]): readonly [FoundSample[], FoundSample[]] {
  const found: [FoundSample[], FoundSample[]] = [[], []];
  for (const record of records) {
    if (record.body.kind !== "samples") continue;
    for (const { signal, timesUs } of record.body.columns) {
      found[signal === 0 ? 0 : 1].push(...timesUs.map((timeUs) => ({ record, timeUs })));
    }
  }
  return found;
}
