import { describe, expect, it } from "vitest";
import type { SignalTable } from "../../../../agent/signals/signal-table.ts";
import type { SampleLog } from "../../../../agent/telemetry/collect/sample-log.ts";
import type { CollectRule } from "../../../../config/schema.ts";
import { RuleCollector } from "../../../fakes/telemetry/rule-collector.ts";
import { tableOf } from "../../../fakes/telemetry/table.ts";

const T0 = 1_767_225_600_000_000;

function collectorOf(table: SignalTable, rules: readonly CollectRule[], batchSamples = 1000): RuleCollector {
  return new RuleCollector({ table, rules, batchSamples });
}

/** Samples as [signal, µs since T0, value]. */
function samplesOf(log: SampleLog): [number, number, number][] {
  return Array.from({ length: log.count }, (_, at) => [log.slots[at], log.timesUs[at] - T0, log.values[at]]);
}

function speedTable(): SignalTable {
  return tableOf([{ name: "Engine", signals: [{ name: "Speed" }] }]);
}

/** Takes frames of the first message at the given times (µs since T0), each with one value for its first signal. */
function feed(table: SignalTable, collector: RuleCollector, frames: readonly (readonly [number, number])[]): void {
  for (const [us, value] of frames) {
    table.values[0] = value;
    collector.take(table.messages[0], true, T0 + us);
  }
}

describe("Collector on-change", () => {
  it("takes the first value and then only those that differ", () => {
    const table = speedTable();
    const collector = collectorOf(table, []);
    feed(table, collector, [
      [0, 5],
      [10, 5],
      [20, 6],
      [30, 6],
      [40, 5],
    ]);
    expect(samplesOf(collector.drain(0, false))).toEqual([
      [0, 0, 5],
      [0, 20, 6],
      [0, 40, 5],
    ]);
  });

  it("takes NaN once, and tells -0 from 0", () => {
    const table = tableOf([{ name: "M", signals: [{ name: "F", kind: "float", bits: 32 }] }]);
    const collector = collectorOf(table, []);
    feed(table, collector, [
      [0, Number.NaN],
      [1, Number.NaN],
      [2, 0],
      [3, -0],
      [4, -0],
      [5, Number.NaN],
    ]);
    expect(samplesOf(collector.drain(0, false))).toEqual([
      [0, 0, Number.NaN],
      [0, 2, 0],
      [0, 3, -0],
      [0, 5, Number.NaN],
    ]);
  });

  it("remembers the last value over a drain", () => {
    const table = speedTable();
    const collector = collectorOf(table, []);
    feed(table, collector, [[0, 5]]);
    collector.drain(0, false);
    feed(table, collector, [[10, 5]]);
    expect(collector.drain(0, false).count).toBe(0);
  });

  it("compares a wide integer exactly, where its rounded value stays the same", () => {
    const table = tableOf([{ name: "M", signals: [{ name: "W", bits: 64 }] }]);
    const collector = collectorOf(table, []);
    table.values[0] = 2 ** 63;
    table.wides[0] = 2n ** 62n;
    collector.take(table.messages[0], true, T0);
    table.wides[0] = 2n ** 62n + 1n;
    collector.take(table.messages[0], true, T0 + 1);
    collector.take(table.messages[0], true, T0 + 2);
    const log = collector.drain(0, false);
    expect([...new BigInt64Array(log.words.buffer, 0, log.count)]).toEqual([2n ** 62n, 2n ** 62n + 1n]);
  });

  it("sends an unchanged value again after atLeastEveryMs, also when the wall clock stepped back by years", () => {
    const table = speedTable();
    const collector = collectorOf(table, [{ signals: "*", mode: "on-change", atLeastEveryMs: 100 }]);
    const tenYearsUs = 10 * 365 * 86_400_000_000;
    feed(table, collector, [
      [0, 5],
      [99_999, 5],
      [100_000, 5],
      [100_000 - tenYearsUs, 5],
      [150_000 - tenYearsUs, 5],
    ]);
    expect(samplesOf(collector.drain(0, false)).map(([, us]) => us)).toEqual([0, 100_000, 100_000 - tenYearsUs]);
  });

  it("leaves out signals that are not present", () => {
    const table = tableOf([{ name: "M", signals: [{ name: "A" }, { name: "B" }] }]);
    const collector = collectorOf(table, []);
    table.present.set([0, 1]);
    table.values.set([7, 8]);
    collector.take(table.messages[0], false, T0);
    expect(samplesOf(collector.drain(0, false))).toEqual([[1, 0, 8]]);
    collector.take(table.messages[0], true, T0 + 1);
    expect(samplesOf(collector.drain(0, false))).toEqual([[0, 1, 7]]);
  });
});

describe("Collector every", () => {
  it("takes a value once the least time has passed since the last taken", () => {
    const table = speedTable();
    const collector = collectorOf(table, [{ signals: "*", mode: "every", ms: 25 }]);
    feed(table, collector, [
      [0, 1],
      [10_000, 2],
      [24_999, 3],
      [25_000, 4],
      [49_000, 5],
      [50_000, 6],
    ]);
    expect(samplesOf(collector.drain(0, false)).map(([, , value]) => value)).toEqual([1, 4, 6]);
  });

  it("takes everything with 0, equal values and equal times included", () => {
    const table = speedTable();
    const collector = collectorOf(table, [{ signals: "*", mode: "every", ms: 0 }]);
    feed(table, collector, [
      [0, 1],
      [0, 1],
      [5, 1],
    ]);
    expect(collector.drain(0, false).count).toBe(3);
  });

  it("goes on at once when the wall clock stepped back", () => {
    const table = speedTable();
    const collector = collectorOf(table, [{ signals: "*", mode: "every", ms: 25 }]);
    feed(table, collector, [
      [0, 1],
      [-1_000_000, 2],
      [-990_000, 3],
    ]);
    expect(samplesOf(collector.drain(0, false)).map(([, , value]) => value)).toEqual([1, 2]);
  });
});

describe("Collector latest", () => {
  const rules = [{ signals: "*", mode: "latest", windowMs: 100 }] as const;

  it("takes the last value of each window, with its own time", () => {
    const table = speedTable();
    const collector = collectorOf(table, rules);
    feed(table, collector, [
      [0, 1],
      [99_000, 2],
      [100_000, 3],
      [150_000, 4],
      [320_000, 5],
    ]);
    expect(samplesOf(collector.drain(0, false))).toEqual([
      [0, 99_000, 2],
      [0, 150_000, 4],
    ]);
  });

  it("takes the value of a window whose message no longer comes, once the window must be over", () => {
    const table = speedTable();
    const collector = collectorOf(table, rules);
    feed(table, collector, [[0, 1]]);
    expect(collector.drain(1000, false).count).toBe(0);
    expect(collector.drain(2099, false).count).toBe(0);
    expect(samplesOf(collector.drain(2100, false))).toEqual([[0, 0, 1]]);
    expect(collector.drain(5000, false).count).toBe(0);
  });

  it("takes what is pending when it is closed", () => {
    const table = speedTable();
    const collector = collectorOf(table, rules);
    feed(table, collector, [[0, 1]]);
    expect(samplesOf(collector.drain(0, true))).toEqual([[0, 0, 1]]);
    expect(collector.drain(0, true).count).toBe(0);
  });
});

describe("Collector", () => {
  it("takes nothing of a signal that is off, but knows its newest value", () => {
    const table = speedTable();
    const collector = collectorOf(table, [{ signals: "*", mode: "off" }]);
    feed(table, collector, [[7, 9]]);
    expect(collector.drain(0, true).count).toBe(0);
    expect(collector.latest.list()).toEqual([{ signal: table.signals[0], timeUs: T0 + 7, raw: 9, count: 1 }]);
  });

  it("gives the newest values exactly, and none for a signal that was never seen", () => {
    const table = tableOf([
      {
        name: "M",
        signals: [
          { name: "U", bits: 64 },
          { name: "S", bits: 64, signed: true },
        ],
      },
      { name: "Never", signals: [{ name: "X" }] },
    ]);
    const collector = collectorOf(table, []);
    table.wides.set([-1n, -1n]);
    collector.take(table.messages[0], true, T0);
    expect(collector.latest.list().map(({ raw }) => raw)).toEqual([2n ** 64n - 1n, -1]);
  });

  it("marks where each frame begins", () => {
    const table = tableOf([{ name: "M", signals: [{ name: "A" }, { name: "B" }] }]);
    const collector = collectorOf(table, [{ signals: "*", mode: "every", ms: 0 }]);
    collector.take(table.messages[0], true, T0);
    collector.take(table.messages[0], true, T0);
    const log = collector.drain(0, false);
    expect([...log.opens.subarray(0, log.count)]).toEqual([1, 0, 1, 0]);
  });

  it("says when the batch is full, holds the frame that fills it, and counts what comes after", () => {
    const table = tableOf([{ name: "M", signals: [{ name: "A" }, { name: "B" }, { name: "C" }] }]);
    const collector = collectorOf(table, [{ signals: "*", mode: "every", ms: 0 }], 5);
    collector.take(table.messages[0], true, T0);
    expect(collector.isFull).toBe(false);
    collector.take(table.messages[0], true, T0 + 1);
    expect(collector.isFull).toBe(true);
    expect(collector.overflowed).toBe(0);
    for (let frame = 0; frame < 10; frame++) collector.take(table.messages[0], true, T0 + 2 + frame);
    expect(collector.sampleCount).toBe(11);
    expect(collector.overflowed).toBe(6 + 30 - 11);
  });

  it("grows past its first capacity without losing a sample", () => {
    const table = speedTable();
    const collector = collectorOf(table, [{ signals: "*", mode: "every", ms: 0 }], 20_000);
    for (let frame = 0; frame < 20_000; frame++) {
      table.values[0] = frame;
      collector.take(table.messages[0], true, T0 + frame);
    }
    const samples = samplesOf(collector.drain(0, false));
    expect(samples.every(([signal, us, value], at) => signal === 0 && us === at && value === at)).toBe(true);
    expect(samples.length).toBe(20_000);
  });
});
