import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { Outcome } from "../../../agent/commands/action.ts";
import { AuditTrail, chainProblems } from "../../../agent/commands/audit.ts";
import { AgentError } from "../../../agent/core/errors.ts";
import type { AuditEntry } from "../../../agent/telemetry/record/encode/audit.ts";
import { CommandBench, plain } from "../../fakes/commands/command-bench.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { FakeJournal } from "../../fakes/ports/journal.ts";

const READ = { "signals.read": { commandClass: "R0" }, "doors.lock": { commandClass: "R3" } } as const;

async function trail(count: number): Promise<readonly AuditEntry[]> {
  const bench = new CommandBench({ actions: READ });
  for (let at = 0; at < count; at += 1) await bench.send(plain("signals.read"), { id: `e-${at}` });
  return bench.audited;
}

describe("the audit trail", () => {
  it("tells of every request, decision and act, and by whom", async () => {
    const bench = new CommandBench({ actions: READ });
    await bench.send(bench.signed("doors.lock", { id: "good" }));
    await bench.send(plain("doors.lock"), { id: "bad" });
    const told = bench.audited.map(({ entry }) => {
      const { event, command } = z.object({ event: z.string(), command: z.string() }).parse(JSON.parse(entry));
      return `${event} ${command}`;
    });
    expect(told).toEqual(["received good", "started good", "finished good", "rejected aws:bad"]);
    expect(bench.audited[2]?.entry).toContain('"status":"SUCCEEDED"');
    expect(bench.audited[3]?.entry).toContain('"code":"SIGNATURE_MISSING"');
    expect(chainProblems(bench.audited)).toEqual([]);
  });

  it("is on no command's way to its act, but goes out while one takes long, and after a kill", async () => {
    const end = Promise.withResolvers<Outcome>();
    const lock = { commandClass: "R3", run: () => end.promise } as const;
    const clock = new ManualClock();
    const journal = new FakeJournal({ clock });
    const bench = new CommandBench({ clock, journal, actions: { "doors.lock": lock } });
    const running = bench.send(bench.signed("doors.lock"));
    expect([bench.acts, bench.audited]).toEqual([["doors.lock"], []]);
    await clock.run(1500);
    expect(bench.audited).toHaveLength(2);
    const next = new CommandBench({ clock, journal });
    next.ledger.recover("boot-1");
    expect(next.audited.map(({ number }) => number)).toEqual([1, 2, 3]);
    end.resolve({ kind: "done", result: {} });
    await running;
  });

  it("is chained as its documentation says", async () => {
    const [first, second] = await trail(1);
    const digest = createHash("sha256")
      .update(Buffer.alloc(32))
      .update(first?.entry ?? "")
      .digest("hex");
    expect(first).toMatchObject({ number: 1, previous: "0".repeat(64), digest });
    expect(second?.previous).toBe(digest);
  });

  it("shows every missing and every altered entry, and bears repeats in any order", async () => {
    const entries = await trail(5);
    expect(entries).toHaveLength(15);
    expect(chainProblems([...entries, ...entries].toReversed())).toEqual([]);
    for (const [at, entry] of entries.entries()) {
      const without = entries.toSpliced(at, 1);
      if (at > 0 && at < entries.length - 1)
        expect(chainProblems(without)).toEqual([`entries ${at + 1} to ${at + 1} are missing`]);
      const altered = { ...entry, entry: entry.entry.replace('"e', '"x') };
      expect(chainProblems(entries.toSpliced(at, 1, altered))).not.toEqual([]);
      // Made anew with a right digest of its own, it does not fit its neighbours.
      const text = entry.entry.replace("clockQuality", "clockquality");
      const digest = createHash("sha256").update(Buffer.from(entry.previous, "hex")).update(text).digest("hex");
      const forged = entries.toSpliced(at, 1, { ...entry, entry: text, digest });
      if (at < entries.length - 1)
        expect(chainProblems(forged)).toEqual([
          `entry ${at + 2} does not follow from entry ${at + 1}: one of them was replaced`,
        ]);
    }
  });

  it("has no entry for what was not written", async () => {
    const clock = new ManualClock();
    const journal = new FakeJournal({ clock });
    const bench = new CommandBench({ clock, journal, actions: READ });
    journal.failNext(new AgentError("journal.full", { what: "full", remedy: "none" }));
    await bench.send(plain("signals.read"), { id: "1" });
    await bench.send(plain("signals.read"), { id: "2" });
    expect(bench.audited.map(({ number }) => number)).toEqual([1, 2, 3, 4]);
    expect(chainProblems(bench.audited)).toEqual([]);
  });

  it("goes on over a restart, handing over again what may not have been stored", () => {
    const clock = new ManualClock();
    const journal = new FakeJournal({ clock });
    const handed: AuditEntry[] = [];
    const open = (isStored: boolean) =>
      new AuditTrail(
        journal,
        { handOver: (entries) => void handed.push(...entries), hasRoom: () => true, isStored: () => isStored },
        clock,
      );
    const first = open(false);
    for (const command of ["a", "b"]) {
      first.append({ event: "received", command });
      first.flush();
    }
    const second = open(true);
    for (const command of ["c", "d", "e"]) {
      second.append({ event: "received", command });
      second.flush();
    }
    open(true).flush();
    expect(handed.map(({ number }) => number)).toEqual([1, 2, 1, 2, 3, 4, 5, 5]);
    expect(chainProblems(handed)).toEqual([]);
  });

  it("keeps a bound of what waits, and the hole shows", () => {
    const clock = new ManualClock();
    const journal = new FakeJournal({ clock });
    const mute = new AuditTrail(
      journal,
      { handOver: () => undefined, hasRoom: () => true, isStored: () => false },
      clock,
    );
    for (let at = 0; at < 1100; at += 1) mute.append({ event: "received", command: String(at) });
    expect(journal.list("audit-pending")).toHaveLength(1000);
  });
});
