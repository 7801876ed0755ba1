import { describe, expect, it } from "vitest";
import { rejected } from "../../../agent/commands/answer.ts";
import { dryRun } from "../../../agent/commands/dispatch.ts";
import { arrivalOf, CommandBench } from "../../fakes/commands/command-bench.ts";

const GRACE_MS = 15_000;

/** A vehicle that has just started: who sets the cabin's temperature is not there, and is waited for. */
function started(maxRunning = 4) {
  const doer = { isThere: false, isMoving: false };
  const unsafe = () => {
    if (doer.isMoving) return rejected("PRECONDITION_FAILED", "speed is 42");
    return doer.isThere ? undefined : rejected("UNAVAILABLE", "hvac is not connected");
  };
  const awaits = (): boolean => !doer.isThere && bench.clock.monotonicMs() < endMs;
  const bench: CommandBench = new CommandBench({
    actions: { heat: { commandClass: "R3", unsafe, awaits } },
    maxRunning,
  });
  const endMs = bench.clock.monotonicMs() + GRACE_MS;
  return { bench, doer };
}

describe("a command that comes before who does it", () => {
  it("waits in the ledger, and acts once that is there", async () => {
    const { bench, doer } = started();
    const end = bench.outcome(bench.signed("heat"));
    await bench.clock.run(10_000);
    expect([bench.ledger.find("id-1")?.state, bench.acts]).toEqual(["received", []]);
    doer.isThere = true;
    await bench.clock.run(1000);
    expect([await end, bench.acts, bench.parts.clock.slots.size]).toEqual(["SUCCEEDED", ["heat"], 0]);
  });

  it("is refused once nobody is waited for any more, and at once after that", async () => {
    const { bench } = started();
    const end = bench.outcome(bench.signed("heat"));
    await bench.clock.run(GRACE_MS);
    expect(await end).toBe("REJECTED UNAVAILABLE");
    expect(await bench.outcome(bench.signed("heat"))).toBe("REJECTED UNAVAILABLE");
    expect(bench.acts).toEqual([]);
  });

  it("is timed out at its own end, by its expiry and by the life of its message, and never acts", async () => {
    const { bench, doer } = started();
    const expired = bench.outcome(bench.signed("heat", { expiresAtMs: bench.nowMs + 3000 }));
    const old = bench.outcome(bench.signed("heat"), { id: "2", restOfLifeMs: 3000 });
    await bench.clock.run(3500);
    const late = "TIMED_OUT TIMED_OUT_BEFORE_DISPATCH";
    expect(await Promise.all([expired, old])).toEqual([late, late]);
    doer.isThere = true;
    await bench.clock.run(1000);
    expect(bench.acts).toEqual([]);
  });

  it("asks about the vehicle's state when it comes, and again after it has waited", async () => {
    const { bench, doer } = started();
    const end = bench.outcome(bench.signed("heat"));
    doer.isMoving = true;
    expect(await bench.outcome(bench.signed("heat"))).toBe("REJECTED PRECONDITION_FAILED");
    doer.isThere = true;
    await bench.clock.run(1000);
    expect([await end, bench.acts]).toEqual(["REJECTED PRECONDITION_FAILED", []]);
  });

  it("does not wait where as many wait as may", async () => {
    const { bench, doer } = started(1);
    const first = bench.outcome(bench.signed("heat"));
    expect(await bench.outcome(bench.signed("heat"))).toBe("REJECTED UNAVAILABLE");
    doer.isThere = true;
    await bench.clock.run(1000);
    expect(await first).toBe("SUCCEEDED");
  });

  it("was not started when the process ended, or who asked had gone, while it waited", async () => {
    const { bench, doer } = started();
    const client = new AbortController();
    const left = bench.send(bench.signed("heat"), {}, client.signal);
    client.abort();
    expect(await left).toMatchObject({ reason: { code: "INTERRUPTED" } });
    void bench.send(bench.signed("heat"));
    const next = new CommandBench({ journal: bench.journal, clock: bench.clock });
    next.ledger.recover("boot-2");
    expect(next.ledger.find("id-2")?.answer?.reason?.code).toBe("NOT_STARTED");
    expect([doer.isThere, bench.acts]).toEqual([false, []]);
  });

  it("would be refused at this moment, says a dry run", () => {
    const { bench } = started();
    const payload = new TextEncoder().encode(JSON.stringify(bench.signed("heat")));
    expect(dryRun(bench.parts, arrivalOf(payload))).toMatchObject({ kind: "rejected", code: "UNAVAILABLE" });
  });
});
