import { describe, expect, it } from "vitest";
import { deliveryOf, NEW_YEAR_US, recordOf } from "../../fakes/consumer/deliveries.ts";
import { MemorySink, MemoryStore } from "../../fakes/consumer/memory-sink.ts";

describe("MemorySink", () => {
  it("writes each record once, whichever worker has it and how often it comes", async () => {
    const store = new MemoryStore();
    const [one, other] = [new MemorySink(store), new MemorySink(store)];
    const record = deliveryOf(recordOf({ seq: 1 }));
    expect(await one.commit([record, record])).toEqual({ written: 1, repeats: 1, refused: [] });
    expect(await other.commit([record])).toEqual({ written: 0, repeats: 1, refused: [] });
    expect(store.written).toHaveLength(1);
  });

  it("knows a gap until it is filled or a loss covers it", async () => {
    const sink = new MemorySink();
    await sink.commit([1, 3, 6].map((seq) => deliveryOf(recordOf({ seq }))));
    const gaps = async (): Promise<number[][]> => {
      const found: number[][] = [];
      for await (const { first, last } of sink.gaps(NEW_YEAR_US + 1000, 0)) found.push([first, last]);
      return found;
    };
    expect(await gaps()).toEqual([
      [2, 2],
      [4, 5],
    ]);
    const loss = {
      kind: "loss",
      epoch: 7,
      stream: "telemetry",
      first: 4,
      last: 5,
      reason: "evicted",
      detail: "",
    } as const;
    await sink.commit([deliveryOf(recordOf({ stream: "event", body: loss })), deliveryOf(recordOf({ seq: 2 }))]);
    expect(await gaps()).toEqual([]);
  });
});
