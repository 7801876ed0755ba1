import { describe, expect, it } from "vitest";
import { Counters } from "../../../../agent/consumer/worker/counters.ts";
import { problemOf } from "../../../../agent/consumer/worker/health.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";

describe("problemOf", () => {
  const clock = new ManualClock({ monotonicMs: 1_000_000 });
  const fine = {
    inHand: 0,
    oldestMs: undefined,
    commitFailures: 0,
    waitingTables: 0,
    left: 0,
    leftSinceMs: undefined,
    hasRoom: true,
  };
  const ready = { state: "ready", connects: 1, fault: undefined } as const;

  function problem(status: object, session: object = {}, counters = new Counters()): string | undefined {
    const worker = { counters, status: () => ({ ...fine, ...status }) };
    return problemOf(worker, { status: () => ({ ...ready, ...session }) }, clock);
  }

  it("is a session that is not subscribed, or a sink that fails again and again", () => {
    expect(problem({})).toBeUndefined();
    expect(problem({ commitFailures: 2 })).toBeUndefined();
    expect(problem({ commitFailures: 3 })).toBe("the sink has failed 3 times in a row");
    expect(problem({}, { state: "online", fault: "refused" })).toBe("not subscribed: refused");
    expect(problem({}, { state: "offline" })).toBe("not subscribed: connecting");
  });

  it("is a backlog at the broker of which nothing comes for a minute", () => {
    const says = "5 messages are left to the broker, and nothing is committed";
    expect(problem({ left: 5, leftSinceMs: 940_001 })).toBeUndefined();
    expect(problem({ left: 5, leftSinceMs: 940_000 })).toBe(says);
    const counters = new Counters();
    counters.committedMs = 950_000;
    expect(problem({ left: 5, leftSinceMs: 800_000 }, {}, counters)).toBeUndefined();
    counters.committedMs = 900_000;
    expect(problem({ left: 5, leftSinceMs: 800_000 }, {}, counters)).toBe(says);
  });
});
