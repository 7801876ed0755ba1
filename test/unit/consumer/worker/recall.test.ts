import { describe, expect, it } from "vitest";
import { Counters } from "../../../../agent/consumer/worker/counters.ts";
import { Recall } from "../../../../agent/consumer/worker/recall.ts";
import type { HandStatus } from "../../../../agent/consumer/worker/worker.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";

const EMPTY: HandStatus = {
  inHand: 0,
  oldestMs: undefined,
  commitFailures: 0,
  waitingTables: 0,
  left: 0,
  leftSinceMs: undefined,
  hasRoom: true,
};

function rig(onRenew: (counters: Counters) => void = () => undefined) {
  const clock = new ManualClock();
  const log = new MemoryLog();
  const counters = new Counters();
  const hand = { status: EMPTY };
  const stopping = new AbortController();
  const session = { renew: async () => onRenew(counters) };
  const recall = new Recall({ worker: { counters, status: () => hand.status }, session, clock, log });
  const ended = recall.run(stopping.signal);
  const stop = async (): Promise<void> => {
    stopping.abort();
    await ended;
  };
  return { clock, log, counters, hand, stop };
}

describe("Recall", () => {
  it("connects anew when messages were left to the broker and the hand is half empty, and not before", async () => {
    const { clock, counters, hand, log, stop } = rig();
    await clock.run(10_000);
    hand.status = { ...EMPTY, left: 5, hasRoom: false };
    await clock.run(10_000);
    expect(counters.recalls).toBe(0);
    hand.status = { ...EMPTY, left: 5 };
    counters.written = 40;
    await clock.run(500);
    expect(counters.recalls).toBe(1);
    hand.status = EMPTY;
    await clock.run(10_000);
    expect(counters.recalls).toBe(1);
    expect(log.of("consumer.backlog-recalled")).toMatchObject([{ level: "warn", facts: { left: 5, recalls: 1 } }]);
    await stop();
  });

  it("goes on at each look while that brings records, and tells it once a minute", async () => {
    const { clock, counters, hand, log, stop } = rig((of) => {
      of.written += 40;
    });
    hand.status = { ...EMPTY, left: 5 };
    await clock.run(30_000);
    expect(counters.recalls).toBe(60);
    expect(log.of("consumer.backlog-recalled")).toHaveLength(1);
    await stop();
  });

  it("takes fewer left ones for progress, as a backlog of repeats writes nothing", async () => {
    const { clock, counters, hand, stop } = rig(() => {
      hand.status = { ...hand.status, left: hand.status.left - 10 };
    });
    hand.status = { ...EMPTY, left: 200 };
    await clock.run(12_000);
    expect(hand.status.left).toBe(0);
    expect(counters.recalls).toBe(20);
    await stop();
  });

  it("comes ever more seldom where it brings nothing, up to five minutes", async () => {
    const { clock, counters, hand, stop } = rig();
    hand.status = { ...EMPTY, left: 5 };
    const hourly: number[] = [];
    for (let hour = 0; hour < 3; hour++) {
      const before = counters.recalls;
      await clock.run(3_600_000);
      hourly.push(counters.recalls - before);
    }
    expect(hourly[0]).toBeLessThan(25);
    expect(hourly.slice(1)).toEqual([12, 12]);
    await stop();
  });
});
