import { describe, expect, it } from "vitest";
import { rejected } from "../../../agent/commands/answer.ts";
import { CommandBench, plain } from "../../fakes/commands/command-bench.ts";
import { ManualClock } from "../../fakes/core/clock.ts";

const ACTIONS = { "doors.lock": { commandClass: "R3" }, "signals.last": { commandClass: "R0" } } as const;
const MINUTE_US = 60_000_000;

/** A vehicle whose clock goes on from its last shutdown, 40 minutes ago. */
function behind(clockWaitMs = 60_000) {
  return new CommandBench({ actions: ACTIONS, clock: new ManualClock({ quality: "saved" }), clockWaitMs });
}

describe("a command before anything vouches for the clock", () => {
  it("waits in the ledger, and acts once the clock is synchronised and says that it is in time", async () => {
    const bench = behind();
    const fresh = { notBeforeMs: bench.nowMs + 40 * 60_000 - 1000, expiresAtMs: bench.nowMs + 41 * 60_000 };
    const end = bench.outcome(bench.signed("doors.lock", fresh));
    await bench.clock.run(10_000);
    expect(bench.ledger.find("id-1")?.state).toBe("received");
    expect(bench.acts).toEqual([]);
    bench.clock.stepWall(40 * MINUTE_US);
    bench.clock.setQuality("ntp");
    await bench.clock.run(1000);
    expect(await end).toBe("SUCCEEDED");
  });

  it("is found too late by the clock when that is right, though it seemed in time", async () => {
    const bench = behind();
    const end = bench.outcome(bench.signed("doors.lock"));
    await bench.clock.run(1000);
    bench.clock.stepWall(40 * MINUTE_US);
    bench.clock.setQuality("ntp");
    await bench.clock.run(1000);
    expect(await end).toBe("TIMED_OUT TIMED_OUT_BEFORE_DISPATCH");
    expect(bench.acts).toEqual([]);
  });

  it("is refused when nothing vouches for it in time, and counts the time that it waited as the message's", async () => {
    const bench = behind(5000);
    const refused = bench.outcome(bench.signed("doors.lock"), { id: "1" });
    await bench.clock.run(5000);
    expect(await refused).toBe("REJECTED CLOCK_NOT_TRUSTED");
    const old = bench.outcome(bench.signed("doors.lock"), { id: "2", restOfLifeMs: 3000 });
    await bench.clock.run(4000);
    bench.clock.setQuality("rtc");
    await bench.clock.run(1000);
    expect(await old).toBe("TIMED_OUT TIMED_OUT_BEFORE_DISPATCH");
    expect(bench.acts).toEqual([]);
  });

  it("is over, and not left open, when whoever sent it over the local socket goes while it waits", async () => {
    const bench = behind();
    const client = new AbortController();
    const end = bench.send(bench.signed("doors.lock"), {}, client.signal);
    await bench.clock.run(1000);
    client.abort();
    await end;
    expect(bench.ledger.find("id-1")).toMatchObject({ state: "finished", answer: { reason: { code: "INTERRUPTED" } } });
    expect(bench.acts).toEqual([]);
    expect(bench.parts.clock.slots.size).toBe(0);
  });

  it("does not wait where it will be refused whatever the time is", async () => {
    const prepare = () => rejected("ARGUMENT_OUT_OF_RANGE", "no such door");
    const bench = new CommandBench({
      actions: { "doors.lock": { commandClass: "R3", prepare } },
      clock: new ManualClock({ quality: "saved" }),
      clockWaitMs: 60_000,
    });
    expect(await bench.outcome(bench.signed("doors.lock"))).toBe("REJECTED ARGUMENT_OUT_OF_RANGE");
  });

  it("is the same request when it comes again, and takes no more room than there is", async () => {
    const bench = new CommandBench({
      actions: ACTIONS,
      clock: new ManualClock({ quality: "saved" }),
      clockWaitMs: 60_000,
      maxRunning: 2,
    });
    const first = bench.signed("doors.lock");
    const ends = [bench.outcome(first), bench.outcome(first), bench.outcome(bench.signed("doors.lock"), { id: "2" })];
    expect(await ends[1]).toBe("none");
    expect(await bench.outcome(bench.signed("doors.lock"), { id: "3" })).toBe("REJECTED CLOCK_NOT_TRUSTED");
    expect(await bench.outcome(plain("signals.last"), { id: "4" })).toBe("SUCCEEDED");
    bench.clock.setQuality("ntp");
    await bench.clock.run(1000);
    expect(await Promise.all([ends[0], ends[2]])).toEqual(["SUCCEEDED", "SUCCEEDED"]);
    expect(bench.acts).toEqual(["signals.last", "doors.lock", "doors.lock"]);
  });

  it("keeps its place to wait in, however many reads wait too", async () => {
    const clock = new ManualClock({ quality: "saved" });
    const bench = new CommandBench({ actions: ACTIONS, clock, clockWaitMs: 60_000, maxRunning: 1, maxReading: 2 });
    const timed = plain("signals.last", { expiresAtMs: bench.nowMs + 30_000 });
    const reads = ["1", "2"].map((id) => bench.outcome(timed, { id }));
    expect(await bench.outcome(timed, { id: "3" })).toBe("REJECTED CLOCK_NOT_TRUSTED");
    const lock = bench.outcome(bench.signed("doors.lock"), { id: "4" });
    clock.setQuality("ntp");
    await clock.run(1000);
    expect(await Promise.all([...reads, lock])).toEqual(["SUCCEEDED", "SUCCEEDED", "SUCCEEDED"]);
  });
});
