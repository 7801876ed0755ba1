import { describe, expect, it } from "vitest";
import { customMetrics, unknownPatterns } from "../../../../agent/metrics/defender/custom-metrics.ts";

const facts = { help: "What it is.", labels: [] } as const;
const outbox = (value: number) => ({
  metric: { ...facts, name: "causeway_outbox_records", type: "gauge" as const },
  samples: [{ labels: {}, value }],
});
const lost = (...values: readonly (readonly [bus: string, value: number])[]) => ({
  metric: { ...facts, name: "causeway_bus_lost_frames", type: "counter" as const, labels: ["bus"] },
  samples: values.map(([bus, value]) => ({ labels: { bus }, value })),
});
const build = {
  metric: { ...facts, name: "causeway_build", type: "info" as const },
  samples: [{ labels: {}, value: 1 }],
};

describe("customMetrics", () => {
  it("are those that patterns name, with their labels in the name as the service takes it", () => {
    const readings = [outbox(3), lost(["can0", 5], ["body/1", 6]), build];
    const first = customMetrics(readings, ["causeway_outbox_records", "causeway_bus_*", "causeway_build"], new Map());
    expect([...first.numbers]).toEqual([
      ["causeway_outbox_records", 3],
      ["causeway_bus_lost_frames:can0", 5],
      ["causeway_bus_lost_frames:body_1", 6],
    ]);
    const next = customMetrics([outbox(0), lost(["can0", 9], ["body/1", 6])], ["causeway_*"], first.counts);
    expect([...next.numbers]).toEqual([
      ["causeway_outbox_records", 0],
      ["causeway_bus_lost_frames:can0", 4],
      ["causeway_bus_lost_frames:body_1", 0],
    ]);
  });

  it("have sum and count of a histogram, as differences, and no buckets", () => {
    const store = (count: number) => ({
      metric: { ...facts, name: "causeway_store_seconds", type: "histogram" as const },
      samples: [
        { labels: { le: "+Inf" }, value: count, of: "bucket" as const },
        { labels: {}, value: count / 4, of: "sum" as const },
        { labels: {}, value: count, of: "count" as const },
      ],
    });
    const { counts } = customMetrics([store(4)], ["*"], new Map());
    expect([...customMetrics([store(10)], ["*"], counts).numbers]).toEqual([
      ["causeway_store_seconds_sum", 1.5],
      ["causeway_store_seconds_count", 6],
    ]);
  });

  it("count what happened for the first time since the report before", () => {
    const before = new Map([["causeway_bus_lost_frames:can0", 10]]);
    expect([...customMetrics([lost(["can0", 10], ["can1", 3])], ["*"], before).numbers]).toEqual([
      ["causeway_bus_lost_frames:can0", 0],
      ["causeway_bus_lost_frames:can1", 3],
    ]);
  });

  it("leave out a count that went back, and go on from there", () => {
    const before = new Map([["causeway_bus_lost_frames:can0", 10]]);
    const back = customMetrics([lost(["can0", 4])], ["*"], before);
    expect(back.numbers.size).toBe(0);
    expect([...customMetrics([lost(["can0", 6])], ["*"], back.counts).numbers.values()]).toEqual([2]);
  });

  it("are a hundred at most, and names that the service would take for one are one; the others are counted", () => {
    const many = Array.from({ length: 130 }, (_, at) => [`can${at}`, 1] as const);
    const gauges = { ...lost(...many), metric: { ...lost().metric, type: "gauge" as const } };
    expect(customMetrics([gauges], ["*"], new Map())).toMatchObject({ leftOut: 30 });
    const alike = { ...gauges, samples: lost(["a/b", 1], ["a_b", 2]).samples };
    expect(customMetrics([alike], ["*"], new Map())).toMatchObject({ leftOut: 1 });
  });

  it("name what they do not find", () => {
    expect(unknownPatterns([outbox(1)], ["causeway_out*", "causeway_outbox", "*records", "x*"])).toEqual([
      "causeway_outbox",
      "x*",
    ]);
  });
});
