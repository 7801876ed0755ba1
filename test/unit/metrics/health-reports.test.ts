import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Histogram } from "../../../agent/core/metrics/histogram.ts";
import { MetricRegistry } from "../../../agent/core/metrics/registry.ts";
import { HealthReports } from "../../../agent/metrics/health-reports.ts";
import type { HealthReport, HealthSample } from "../../../agent/telemetry/record/encode/health.ts";
import { ManualClock } from "../../fakes/core/clock.ts";

const SEED = 36;

/** Reports of one counter by bus, one gauge and one state; `frames` is what the counter says. */
function reporting(frames: ReadonlyMap<string, number>, histogram = new Histogram([])) {
  const registry = new MetricRegistry();
  registry.add(
    {
      name: "causeway_frames",
      help: "Frames.",
      type: "counter",
      labels: ["bus"],
      read: () => [...frames].map(([bus, value]) => ({ labels: { bus }, value })),
    },
    {
      name: "causeway_store_seconds",
      help: "S.",
      type: "histogram",
      labels: [],
      read: () => histogram.samples({}),
    },
    { name: "causeway_waiting", help: "W.", type: "gauge", labels: [], read: () => [{ labels: {}, value: 0 }] },
    {
      name: "causeway_state",
      help: "S.",
      type: "stateset",
      labels: ["state"],
      read: () => [
        { labels: { state: "up" }, value: 1 },
        { labels: { state: "down" }, value: 0 },
      ],
    },
  );
  const clock = new ManualClock();
  const sent: HealthReport[] = [];
  const startedAtMs = clock.monotonicMs();
  const reports = new HealthReports({
    all: async () => registry,
    send: (report) => sent.push(report),
    everyMs: 60_000,
    startedAtMs,
    clock,
  });
  return { reports, sent, clock };
}

const of = (report: HealthReport | undefined, name: string): readonly HealthSample[] =>
  report?.samples.filter((sample) => sample.name === name) ?? [];

describe("HealthReports", () => {
  it("tells counters that have grown, gauges, and the state in force", async () => {
    const frames = new Map([
      ["can0", 7],
      ["can1", 0],
    ]);
    const { reports, sent, clock } = reporting(frames);
    const startUs = clock.wallUs();
    await clock.run(60_000);
    await reports.report();
    frames.set("can1", 3);
    await clock.run(30_000);
    await reports.report();
    const can0 = { name: "causeway_frames", labels: { bus: "can0" }, value: 7, delta: 7 };
    expect(of(sent[0], "causeway_frames")).toEqual([can0]);
    expect(of(sent[1], "causeway_frames")).toEqual([{ ...can0, labels: { bus: "can1" }, value: 3, delta: 3 }]);
    expect(of(sent[1], "causeway_waiting")).toEqual([
      { name: "causeway_waiting", labels: {}, value: 0, delta: undefined },
    ]);
    expect(of(sent[1], "causeway_state").map(({ labels }) => labels.state)).toEqual(["up"]);
    expect(sent.map(({ number, periodMs }) => [number, periodMs])).toEqual([
      [1, 60_000],
      [2, 30_000],
    ]);
    expect(sent.map((report) => report.startUs)).toEqual([startUs, startUs]);
    expect(sent[1]?.timeUs).toBe(startUs + 90_000_000);
  });

  it("reports every interval, and once more at the end", async () => {
    const { reports, sent, clock } = reporting(new Map());
    const stopping = new AbortController();
    const running = reports.run(stopping.signal);
    await clock.run(60_000);
    await clock.run(60_000);
    expect(sent.map(({ number }) => number)).toEqual([1, 2]);
    stopping.abort();
    await running;
    expect(sent.map(({ number }) => number)).toEqual([1, 2, 3]);
  });

  it("is in time on a vehicle that sleeps, and tells one start", async () => {
    const { reports, sent, clock } = reporting(new Map());
    const startUs = clock.wallUs();
    const stopping = new AbortController();
    const running = reports.run(stopping.signal);
    await clock.run(10_000);
    clock.suspend(8 * 3_600_000);
    // It was due meanwhile: at the next look.
    await clock.run(60_000);
    expect(sent.map(({ periodMs }) => periodMs)).toEqual([8 * 3_600_000 + 60_000]);
    // Two clocks are never read in one instant.
    clock.stepWall(900);
    await clock.run(60_000);
    expect(sent.map((report) => report.startUs)).toEqual([startUs, startUs]);
    clock.stepWall(3_600_000_000);
    await clock.run(60_000);
    expect(sent[2]?.startUs).toBe(startUs + 900 + 3_600_000_000);
    stopping.abort();
    await running;
  });

  it("does not take a counter for a new one that could not be read once", async () => {
    const frames = new Map([["can0", 7]]);
    const { reports, sent } = reporting(frames);
    await reports.report();
    frames.clear();
    await reports.report();
    frames.set("can0", 9);
    await reports.report();
    expect(of(sent[2], "causeway_frames").map(({ delta }) => delta)).toEqual([2]);
  });

  it("tells sum and count of a histogram, and no buckets", async () => {
    const histogram = new Histogram([1]);
    const { reports, sent } = reporting(new Map(), histogram);
    await reports.report();
    histogram.note(0.5);
    histogram.note(2);
    await reports.report();
    histogram.note(1);
    await reports.report();
    const told = sent.map((report) =>
      report.samples.filter(({ name }) => name.startsWith("causeway_store")).map(({ name, delta }) => [name, delta]),
    );
    expect(told).toEqual([
      [],
      [
        ["causeway_store_seconds_sum", 2.5],
        ["causeway_store_seconds_count", 2],
      ],
      [
        ["causeway_store_seconds_sum", 1],
        ["causeway_store_seconds_count", 1],
      ],
    ]);
  });

  it("has deltas whose sum is all that was counted, over counters that begin again", async () => {
    const step = fc.record({ bus: fc.constantFrom("can0", "can1"), by: fc.nat(9), begins: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const frames = new Map<string, number>();
        const { reports, sent } = reporting(frames);
        let counted = 0;
        for (const { bus, by, begins } of steps) {
          const now = frames.get(bus) ?? 0;
          // That it has begun again shows only where it is lower than it was.
          const hasBegun = begins && by < now;
          frames.set(bus, hasBegun ? by : now + by);
          counted += by;
          await reports.report();
        }
        const deltas = sent.flatMap((report) => of(report, "causeway_frames").map(({ delta = 0 }) => delta));
        expect(deltas.reduce((sum, delta) => sum + delta, 0)).toBe(counted);
      }),
      { seed: SEED },
    );
  });
});
