import { describe, expect, it } from "vitest";
import type { Outcome } from "../../../agent/commands/action.ts";
import { dryRun } from "../../../agent/commands/dispatch.ts";
import { arrivalOf, CommandBench, type CommandBenchParts, plain } from "../../fakes/commands/command-bench.ts";

const DONE: Outcome = { kind: "done", result: {} };

/** A bench with routines that use one control unit and end when they are told to, in the order in which they began. */
function routines(parts: CommandBenchParts = {}) {
  const ends: (() => void)[] = [];
  const run = (): Promise<Outcome> => new Promise((resolve) => ends.push(() => resolve(DONE)));
  const routine = { commandClass: "R3", uses: ["ecu:body"], queues: true, run } as const;
  const bench = new CommandBench({
    ...parts,
    actions: { lamps: routine, cells: routine, pack: routine, doors: { commandClass: "R3" } },
  });
  return { bench, ends };
}

describe("a command that queues", () => {
  it("runs after those that came before it, one at a time, and each ends as succeeded", async () => {
    const { bench, ends } = routines();
    const outcomes = ["lamps", "cells", "pack"].map((name) => bench.outcome(bench.signed(name)));
    await bench.clock.run(1000);
    expect(bench.acts).toEqual(["lamps"]);
    expect([2, 3].map((id) => bench.ledger.find(`id-${id}`)?.state)).toEqual(["received", "received"]);
    for (const acts of [
      ["lamps", "cells"],
      ["lamps", "cells", "pack"],
    ]) {
      ends.shift()?.();
      await bench.clock.run(100);
      expect(bench.acts).toEqual(acts);
    }
    ends.shift()?.();
    expect(await Promise.all(outcomes)).toEqual(["SUCCEEDED", "SUCCEEDED", "SUCCEEDED"]);
    expect(bench.parts.runner.slots.size).toBe(0);
  });

  it("lets another that needs nothing of it go ahead", async () => {
    const { bench, ends } = routines();
    const first = bench.outcome(bench.signed("lamps"));
    const second = bench.outcome(bench.signed("cells"));
    expect(await bench.outcome(bench.signed("doors"))).toBe("SUCCEEDED");
    expect(bench.acts).toEqual(["lamps", "doors"]);
    ends.shift()?.();
    await bench.clock.run(100);
    ends.shift()?.();
    expect(await Promise.all([first, second])).toEqual(["SUCCEEDED", "SUCCEEDED"]);
  });

  it("is timed out at its end, and never acts", async () => {
    const { bench, ends } = routines();
    const first = bench.outcome(bench.signed("lamps"));
    const late = bench.outcome(bench.signed("cells", { expiresAtMs: bench.nowMs + 2000 }));
    await bench.clock.run(2100);
    expect(await late).toBe("TIMED_OUT TIMED_OUT_BEFORE_DISPATCH");
    ends.shift()?.();
    expect(await first).toBe("SUCCEEDED");
    expect(bench.acts).toEqual(["lamps"]);
  });

  it("is refused when as many wait as may", async () => {
    const { bench, ends } = routines();
    const waiting = Array.from({ length: 4 }, () => bench.outcome(bench.signed("lamps")));
    expect(await bench.outcome(bench.signed("lamps"))).toBe("REJECTED BUSY");
    for (let left = 4; left > 0; left -= 1) {
      ends.shift()?.();
      await bench.clock.run(100);
    }
    expect(await Promise.all(waiting)).toEqual(Array.from({ length: 4 }, () => "SUCCEEDED"));
  });

  it("was not started when the process ended while it waited", async () => {
    const { bench } = routines();
    void bench.send(bench.signed("lamps"));
    void bench.send(bench.signed("cells"));
    await bench.clock.run(100);
    const next = new CommandBench({ journal: bench.journal, clock: bench.clock });
    next.ledger.recover("boot-2");
    expect(next.ledger.find("id-2")?.answer?.reason?.code).toBe("NOT_STARTED");
    expect(bench.acts).toEqual(["lamps"]);
  });

  it("asks about the vehicle's state again when its turn has come", async () => {
    let isMoving = false;
    const ends: (() => void)[] = [];
    const run = (): Promise<Outcome> => new Promise((resolve) => ends.push(() => resolve(DONE)));
    const unsafe = () =>
      isMoving ? ({ kind: "rejected", code: "PRECONDITION_FAILED", description: "speed is 42" } as const) : undefined;
    const bench = new CommandBench({
      actions: { lamps: { commandClass: "R3", uses: ["ecu:body"], queues: true, run, unsafe } },
    });
    const first = bench.outcome(bench.signed("lamps"));
    const second = bench.outcome(bench.signed("lamps"));
    isMoving = true;
    ends.shift()?.();
    await bench.clock.run(100);
    expect(await Promise.all([first, second])).toEqual(["SUCCEEDED", "REJECTED PRECONDITION_FAILED"]);
  });

  it("would be possible, says a dry run beside one that runs", async () => {
    const { bench, ends } = routines();
    const first = bench.outcome(bench.signed("lamps"));
    const payload = new TextEncoder().encode(JSON.stringify(bench.signed("cells")));
    expect(dryRun(bench.parts, arrivalOf(payload, { id: "2" })).kind).toBe("possible");
    ends.shift()?.();
    await first;
  });
});

describe("a result in parts", () => {
  it("is told to the channel as it comes, and whole at the end", async () => {
    const parts = ["engine", "body"].map((name, index) => ({ name, value: "{}", index, total: 2 }));
    const bench = new CommandBench({
      actions: {
        "dtc.read": {
          commandClass: "R0",
          run: (_signal, tell) => {
            parts.forEach(tell);
            return Promise.resolve({ kind: "done", result: { engine: "{}", body: "{}" } });
          },
        },
      },
    });
    expect(await bench.send(plain("dtc.read"))).toMatchObject({ status: "SUCCEEDED", result: { engine: "{}" } });
    expect(bench.channel.parts).toEqual(parts);
  });
});
