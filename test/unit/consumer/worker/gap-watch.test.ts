import { describe, expect, it } from "vitest";
import { GapWatch } from "../../../../agent/consumer/worker/gap-watch.ts";
import { deliveryOf, recordOf } from "../../../fakes/consumer/deliveries.ts";
import { MemorySink } from "../../../fakes/consumer/memory-sink.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";

describe("GapWatch", () => {
  it("counts gaps that are older than the grace, tells each once, and lives through a sink that fails", async () => {
    const clock = new ManualClock();
    const log = new MemoryLog();
    const sink = new MemorySink();
    let isDown = false;
    const gaps = (nowUs: number, graceMs: number) => {
      if (isDown) throw new Error("away");
      return sink.gaps(nowUs, graceMs);
    };
    const watch = new GapWatch({ sink: { gaps }, settings: { everyMs: 1000, graceMs: 5000 }, clock, log });
    const stopping = new AbortController();
    const ended = watch.run(stopping.signal);
    await sink.commit([1, 5].map((seq) => deliveryOf(recordOf({ seq }), undefined, clock.wallUs())));
    await sink.commit([deliveryOf(recordOf({ seq: 900, stream: "event" }), undefined, clock.wallUs())]);
    await clock.run(4000);
    expect(watch.status).toMatchObject({ ranges: 0, records: 0 });
    await clock.run(3000);
    expect(watch.status).toMatchObject({ ranges: 1, records: 3, beginnings: 1 });
    isDown = true;
    await clock.run(2000);
    isDown = false;
    expect(log.of("consumer.gaps-unknown")).toHaveLength(2);
    expect(log.of("consumer.gap-found")).toMatchObject([
      { facts: { thing: "truck-1", first: 2, last: 4, ageSeconds: 5 } },
    ]);
    await sink.commit([2, 3, 4].map((seq) => deliveryOf(recordOf({ seq }))));
    await clock.run(1000);
    expect(watch.status).toMatchObject({ ranges: 0 });
    stopping.abort();
    await clock.run(1);
    await ended;
  });
});
