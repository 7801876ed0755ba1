import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Metric, MetricSample } from "../../../../agent/core/metrics/metric.ts";
import { MAX_SAMPLES, MetricRegistry } from "../../../../agent/core/metrics/registry.ts";

const SEED = 18;

function metricOf(change: Partial<Metric> = {}): Metric {
  const one = { name: "causeway_frames", help: "Frames.", type: "counter", labels: [] } as const;
  return { ...one, read: () => [{ labels: {}, value: 1 }], ...change };
}

function read(registry: MetricRegistry, name: string): readonly MetricSample[] | undefined {
  return registry.read().find(({ metric }) => metric.name === name)?.samples;
}

const dropped = (registry: MetricRegistry): Record<string, number> =>
  Object.fromEntries(
    (read(registry, "causeway_metrics_dropped_samples") ?? []).map(({ labels, value }) => [labels.cause, value]),
  );

describe("MetricRegistry", () => {
  it.each([
    ["a name that is taken", metricOf(), /is there already/],
    ["another prefix", metricOf({ name: "frames" }), /name/],
    ["upper case", metricOf({ name: "causeway_Frames" }), /name/],
    ["a total", metricOf({ name: "causeway_frames_total" }), /ending/],
    ["a name without its unit", metricOf({ name: "causeway_size", unit: "bytes" }), /_bytes/],
    ["help of two lines", metricOf({ name: "causeway_x", help: "a\nb" }), /help/],
    ["a label of the formats", metricOf({ name: "causeway_x", labels: ["le"] }), /label/],
    ["a label twice", metricOf({ name: "causeway_x", labels: ["a", "a"] }), /twice/],
    ["a stateset without states", metricOf({ name: "causeway_x", type: "stateset" }), /stateset/],
  ])("refuses %s, and takes none of those that came with it", (_what, metric, problem) => {
    const registry = new MetricRegistry();
    registry.add(metricOf());
    expect(() => registry.add(metricOf({ name: "causeway_other" }), metric)).toThrow(problem);
    expect(read(registry, "causeway_other")).toBeUndefined();
  });

  it("reads the others where one cannot be read, and counts it", () => {
    const registry = new MetricRegistry();
    const broken = (): never => {
      throw new Error("gone");
    };
    registry.add(metricOf({ name: "causeway_broken", read: broken }), metricOf());
    expect(read(registry, "causeway_frames")).toEqual([{ labels: {}, value: 1 }]);
    expect(dropped(registry).failed).toBe(2);
  });

  it("prepares once before each reading", () => {
    const registry = new MetricRegistry();
    let times = 0;
    registry.beforeRead(() => {
      times += 1;
    });
    registry.add(metricOf({ read: () => [{ labels: {}, value: times }] }), metricOf({ name: "causeway_b" }));
    expect(read(registry, "causeway_frames")).toEqual([{ labels: {}, value: 1 }]);
    expect(read(registry, "causeway_frames")).toEqual([{ labels: {}, value: 2 }]);
  });

  it("tells of any samples a bounded number of good ones, each once, and counts the rest", () => {
    const value = fc.oneof(fc.integer({ min: -2, max: 9 }), fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY));
    const labels = fc.oneof(
      fc.record({ bus: fc.constantFrom(...Array.from({ length: 90 }, (_, at) => `can${at}`)) }),
      fc.record({ bus: fc.string() }),
      fc.constant<Record<string, string>>({}),
      fc.constant<Record<string, string>>({ bus: "can0", other: "x" }),
    );
    const samples = fc.array(fc.record({ labels, value }), { maxLength: 150 });
    fc.assert(
      fc.property(samples, (given) => {
        const registry = new MetricRegistry();
        registry.add(metricOf({ labels: ["bus"], read: () => given }));
        const readings = registry.read();
        const told = readings.find(({ metric }) => metric.name === "causeway_frames")?.samples ?? [];
        const own = readings.find(({ metric }) => metric.name === "causeway_metrics_dropped_samples")?.samples ?? [];
        const buses = told.map(({ labels: { bus } }) => bus);
        expect(told.length).toBeLessThanOrEqual(MAX_SAMPLES);
        expect(new Set(buses).size).toBe(buses.length);
        expect(told.every((sample) => Number.isFinite(sample.value) && sample.value >= 0)).toBe(true);
        expect(own.reduce((sum, sample) => sum + sample.value, 0)).toBe(given.length - told.length);
      }),
      { seed: SEED, numRuns: 300 },
    );
  });

  it("takes of a histogram what it has, with le in buckets alone", () => {
    const registry = new MetricRegistry();
    const bucket = { labels: { bus: "can0", le: "+Inf" }, value: 3, of: "bucket" } as const;
    const sum = { labels: { bus: "can0" }, value: 0.5, of: "sum" } as const;
    const count = { labels: { bus: "can0" }, value: 3, of: "count" } as const;
    const wrong = [
      { ...count, of: undefined },
      { ...sum, labels: bucket.labels },
      { ...bucket, labels: sum.labels },
    ];
    registry.add(metricOf({ type: "histogram", labels: ["bus"], read: () => [bucket, sum, count, count, ...wrong] }));
    expect(read(registry, "causeway_frames")).toEqual([bucket, sum, count]);
    expect(dropped(registry)).toMatchObject({ labels: 6, repeated: 2 });
  });

  it("cuts the values of labels and takes control characters out", () => {
    const registry = new MetricRegistry();
    registry.add(metricOf({ labels: ["bus"], read: () => [{ labels: { bus: `a\n${"b".repeat(500)}` }, value: 1 }] }));
    expect(read(registry, "causeway_frames")).toEqual([{ labels: { bus: `a?${"b".repeat(126)}` }, value: 1 }]);
  });
});
