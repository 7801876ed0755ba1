import { describe, expect, it } from "vitest";
import type { Outcome } from "../../../agent/commands/action.ts";
import { CommandBench, plain } from "../../fakes/commands/command-bench.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { FakeJournal } from "../../fakes/ports/journal.ts";

describe("reads", () => {
  it("keep nothing that acts from it, while they wait or fill their part of the ledger", async () => {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const clock = new ManualClock();
    const journal = new FakeJournal({ clock, maxCommands: 2, maxReads: 3 });
    const reads = Object.fromEntries(
      ["a", "b", "c", "d"].map((name) => [name, { commandClass: "R0" as const, run: () => promise }]),
    );
    const actions = { ...reads, "doors.lock": { commandClass: "R3" as const } };
    const bench = new CommandBench({ clock, journal, actions, maxReading: 4, maxRunning: 1 });
    const waiting = ["a", "b", "c"].map((name) => bench.outcome(plain(name), { id: name }));
    expect(await bench.outcome(plain("d"), { id: "d" })).toBe("REJECTED LEDGER_FULL");
    expect(await bench.outcome(bench.signed("doors.lock"), { id: "1" })).toBe("SUCCEEDED");
    resolve({ kind: "done", result: {} });
    expect(await Promise.all(waiting)).toEqual(["SUCCEEDED", "SUCCEEDED", "SUCCEEDED"]);
    for (const { id } of bench.ledger.unreported(100)) bench.ledger.markReported(id);
    for (let count = 0; count < 20; count += 1) {
      expect(await bench.outcome(plain("d"), { id: `d-${count}` })).toBe("SUCCEEDED");
      for (const { id } of bench.ledger.unreported(100)) bench.ledger.markReported(id);
    }
    expect(await bench.outcome(bench.signed("doors.lock"), { id: "2" })).toBe("SUCCEEDED");
    expect(bench.journal.stats()).toMatchObject({ reads: 3 });
  });
});
