import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FrameBatch } from "../../../agent/ports/frame.ts";
import { Appender } from "../../../agent/telemetry/appender.ts";
import { Pipeline } from "../../../agent/telemetry/pipeline.ts";
import type { DecodedRecord } from "../../../agent/telemetry/record/read/decoded-record.ts";
import { createRecordReader } from "../../../agent/telemetry/record/read/record-reader.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { FakeOutbox } from "../../fakes/ports/outbox.ts";
import { ruleLine } from "../../fakes/telemetry/rule-collector.ts";
import { encoderOf } from "../../fakes/telemetry/samples.ts";
import { tableOf } from "../../fakes/telemetry/table.ts";

const SEED = 17;
const YEAR_MS = 365.25 * 86_400_000;
const reader = createRecordReader(readDescriptor());

/** A bus whose frames wait in the driver, and carry no more than a number that differs from that of the frame before. */
type Line = { readonly take: (batch: FrameBatch) => void; readonly batch: FrameBatch; oldestMs: number };

/** A pipeline with two buses, and the boottime at which each frame was received: what no record says by itself. */
function vehicle(isNative: boolean) {
  const clock = new ManualClock({ wallUs: 90_000_000, monotonicMs: 90_000, quality: "unsynchronised" });
  const table = tableOf([
    { name: "One", signals: [{ name: "A" }] },
    { name: "Two", bus: "can1", signals: [{ name: "B" }] },
  ]);
  const outbox = new FakeOutbox({ clock, maxBytes: 100_000_000 });
  const encoder = encoderOf(table, {}, undefined, clock);
  const appender = new Appender({ outbox, clock, log: new MemoryLog(), holdBytes: 1e6, wake: () => undefined });
  const rules = [{ signals: "*", mode: "every" as const, everyMs: 1 }];
  const parts = { table, rules: [], batchSamples: 1000, encoder, appender, clock: encoder.stamps };
  const { collector, campaigns } = ruleLine(parts);
  const pipeline = new Pipeline({ table, collector, campaigns, encoder, appender, takers: {}, clock, batchMs: 250 });
  const counters = () => ({ received: 0, dropped: 0, errorFrames: 0, transmitted: 0 });
  const lines = ["can0", "can1"].map((name): Line => {
    const sink = pipeline.sinkFor({ name, counters });
    return { take: (batch) => sink.onFrames(batch), batch: new FrameBatch(200), oldestMs: Number.NaN };
  });
  const truth: [number[], number[]] = [[], []];
  const distanceUs = (): number => clock.wallUs() - clock.boottimeMs() * 1000;
  const drain = (number: number): void => {
    const { batch, take } = lines[number];
    batch.clockOffsetUs = isNative ? distanceUs() : undefined;
    take(batch);
    batch.count = 0;
  };
  return {
    clock,
    pipeline,
    frame: (number: number): void => {
      const { batch } = lines[number];
      truth[number].push(clock.boottimeMs());
      batch.push(0x100 + number, 0, Uint8Array.of(truth[number].length % 250), clock.wallUs());
    },
    drain,
    records: (): DecodedRecord[] => {
      pipeline.stop();
      const stored = outbox.read("telemetry", 0, outbox.lastRow(), 100_000, 1e9);
      return stored.map(({ payload }) => reader.decode(payload));
    },
    truth,
    rules,
  };
}

/** Boottime of each sample of each bus in the order of the records, by the anchor of its record, ms. */
function boottimes(records: readonly DecodedRecord[]): [number[], number[]] {
  const found: [number[], number[]] = [[], []];
  for (const { body, anchor } of records) {
    if (body.kind !== "samples") continue;
    const distanceUs = anchor.wallUs - anchor.monotonicUs - (anchor.suspendedUs ?? 0);
    for (const { signal, timesUs } of body.columns) {
      found[signal].push(...timesUs.map((timeUs) => (timeUs - distanceUs) / 1000));
    }
  }
  return found;
}

type Op =
  | { readonly kind: "frame"; readonly bus: number; readonly afterMs: number }
  | { readonly kind: "drain"; readonly bus: number }
  | { readonly kind: "step"; readonly ms: number }
  | { readonly kind: "suspend"; readonly ms: number };

const op: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 60,
    arbitrary: fc.record({ kind: fc.constant("frame" as const), bus: fc.nat(1), afterMs: fc.nat(9) }),
  },
  { weight: 12, arbitrary: fc.record({ kind: fc.constant("drain" as const), bus: fc.nat(1) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("step" as const),
      ms: fc.oneof(fc.constantFrom(10 * YEAR_MS, -10 * YEAR_MS, 200, -200), fc.integer({ min: -9e6, max: 9e6 })),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("suspend" as const), ms: fc.integer({ min: 2, max: 9e6 }) }),
  },
);

/** A driver empties what waits at 40 ms at the latest, before a suspend, and before the clock is set once more. */
function run(ops: readonly Op[], isNative: boolean) {
  const { clock, pipeline, frame, drain, records, truth } = vehicle(isNative);
  pipeline.start();
  const oldestMs: [number, number] = [Number.NaN, Number.NaN];
  const hasStepped = [false, false];
  const drainAll = (one: number): void => {
    drain(one);
    oldestMs[one] = Number.NaN;
    hasStepped[one] = false;
  };
  for (const one of ops) {
    if (one.kind === "frame") {
      clock.advance(one.afterMs);
      frame(one.bus);
      if (Number.isNaN(oldestMs[one.bus])) oldestMs[one.bus] = clock.boottimeMs();
      for (const bus of [0, 1]) if (clock.boottimeMs() - oldestMs[bus] > 30) drainAll(bus);
    } else if (one.kind === "drain") {
      drainAll(one.bus);
    } else if (one.kind === "step") {
      for (const bus of [0, 1]) if (hasStepped[bus]) drainAll(bus);
      if (Math.abs(one.ms) < 100) continue;
      clock.stepWall(one.ms * 1000);
      hasStepped.fill(true);
    } else {
      for (const bus of [0, 1]) drainAll(bus);
      clock.suspend(one.ms);
    }
  }
  for (const bus of [0, 1]) drainAll(bus);
  const all = records();
  return { found: boottimes(all), truth, records: all.length };
}

describe("a pipeline whose clock is set while it collects", () => {
  it.each([true, false])("has an anchor for every sample by which its time is right (native %s)", (isNative) => {
    fc.assert(
      fc.property(fc.array(op, { minLength: 1, maxLength: 400 }), (ops) => {
        const { found, truth } = run(ops, isNative);
        for (const bus of [0, 1]) {
          expect(found[bus]).toHaveLength(truth[bus].length);
          const errorMs = found[bus].map((ms, at) => Math.abs(ms - truth[bus][at]));
          expect(Math.max(0, ...errorMs)).toBeLessThanOrEqual(0.01);
        }
      }),
      { seed: SEED, numRuns: 200 },
    );
  });

  it("makes no record more while nobody sets the clock", () => {
    const frames = Array.from({ length: 3000 }, (_, at) => ({ kind: "frame", bus: at % 2, afterMs: 1 }) as const);
    expect(run(frames, true).records).toBe(13);
  });

  it("says of what was stamped before a step what that clock was worth then", () => {
    const { clock, pipeline, frame, drain, records } = vehicle(true);
    pipeline.start();
    frame(0);
    drain(0);
    clock.stepWall(1_796_000_000_000_000);
    clock.setQuality("ntp");
    frame(0);
    drain(0);
    const anchors = records().map(({ anchor }) => anchor);
    expect(anchors).toEqual([
      { monotonicUs: 90_000_000, wallUs: 90_000_000, quality: "unsynchronised" },
      { monotonicUs: 90_000_000, wallUs: 1_796_000_090_000_000, quality: "ntp" },
    ]);
  });
});
