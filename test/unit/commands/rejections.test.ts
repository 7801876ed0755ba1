import { describe, expect, it } from "vitest";
import { AuditTrail, chainProblems } from "../../../agent/commands/audit.ts";
import { AgentError } from "../../../agent/core/errors.ts";
import type { AuditEntry } from "../../../agent/telemetry/record/encode/audit.ts";
import { CommandBench, plain } from "../../fakes/commands/command-bench.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { FakeJournal } from "../../fakes/ports/journal.ts";

const ACTIONS = { "doors.lock": { commandClass: "R3" }, "config.set": { commandClass: "R1" } } as const;

function parsed(entry: string): unknown {
  return JSON.parse(entry);
}

function flooded(refusalsPerMinute = 10) {
  const clock = new ManualClock();
  const journal = new FakeJournal({ clock });
  const bench = new CommandBench({ clock, journal, actions: ACTIONS, refusalsPerMinute });
  const stop = bench.parts.rejections.start();
  const events = (): readonly unknown[] => bench.audited.map(({ entry }) => parsed(entry));
  return { clock, journal, bench, events, stop };
}

describe("refused requests past the budget", () => {
  it("cost no write and no record each: they are counted, and audited together with channel and reason", async () => {
    const { clock, journal, bench, events } = flooded();
    const startUs = clock.wallUs();
    for (let at = 0; at < 2000; at += 1) await bench.send(plain("doors.lock"), { id: `e-${at}` });
    const companion = { channel: "companion", request: "r", format: "json" } as const;
    for (let at = 0; at < 5; at += 1) await bench.send(new Uint8Array(7), { reply: companion });
    expect(journal.writes).toBe(10);
    expect(bench.audited).toHaveLength(10);
    expect(bench.log.entries.filter(({ level }) => level !== "debug")).toEqual([]);
    await clock.run(60_000);
    expect(events().slice(10)).toEqual([
      expect.objectContaining({
        event: "rejected-over-budget",
        channel: "aws",
        reason: "SIGNATURE_MISSING",
        count: 1990,
        sinceUs: startUs,
      }),
      expect.objectContaining({
        event: "rejected-over-budget",
        channel: "companion",
        reason: "COMMAND_REQUEST_PARSING_FAILED",
        count: 5,
      }),
    ]);
    expect(bench.parts.rejections.counted).toBe(1995);
    expect(bench.parts.rejections.reasons()).toEqual({ SIGNATURE_MISSING: 2000, COMMAND_REQUEST_PARSING_FAILED: 5 });
    expect(bench.rejected).toHaveLength(2005);
    expect(bench.rejected.slice(1999, 2001)).toEqual([
      "aws SIGNATURE_MISSING",
      "companion COMMAND_REQUEST_PARSING_FAILED",
    ]);
    expect(chainProblems(bench.audited)).toEqual([]);
    await clock.run(600_000);
    expect(bench.audited).toHaveLength(12);
  });

  it("are audited one by one again when they are few, and the last ones at the end", async () => {
    const { clock, bench, events, stop } = flooded();
    for (let at = 0; at < 12; at += 1) await bench.send(plain("doors.lock"), { id: `e-${at}` });
    await clock.run(60_000);
    await bench.send(plain("doors.lock"), { id: "later" });
    expect(events().at(-1)).toMatchObject({ event: "rejected", command: "aws:later" });
    for (let at = 0; at < 12; at += 1) await bench.send(plain("doors.lock"), { id: `f-${at}` });
    stop();
    expect(events().at(-1)).toMatchObject({ event: "rejected-over-budget", count: 3 });
  });

  it("are still remembered where a repeat might act", async () => {
    const { clock, bench } = flooded(1);
    await bench.send(plain("doors.lock"), { id: "first" });
    const early = bench.signed("doors.lock", { notBeforeMs: bench.nowMs + 30_000 });
    expect(await bench.outcome(early, { id: "a" })).toBe("REJECTED NOT_YET_VALID");
    const plainEarly = plain("config.set", { notBeforeMs: bench.nowMs + 30_000, expiresAtMs: bench.nowMs + 60_000 });
    expect(await bench.outcome(plainEarly, { id: "b" })).toBe("REJECTED NOT_YET_VALID");
    await clock.run(40_000);
    expect(await bench.outcome(early, { id: "a" })).toBe("REJECTED NOT_YET_VALID");
    expect(await bench.outcome(plainEarly, { id: "b" })).toBe("REJECTED NOT_YET_VALID");
    expect(bench.acts).toEqual([]);
    expect(bench.audited).toHaveLength(1);
    expect(bench.parts.rejections.counted).toBe(2);
  });

  it("stay counted while the journal fails", async () => {
    const { clock, journal, bench, events } = flooded(1);
    for (let at = 0; at < 4; at += 1) await bench.send(plain("doors.lock"), { id: `e-${at}` });
    journal.failNext(new AgentError("journal.full", { what: "full", remedy: "none" }));
    await clock.run(60_000);
    expect(bench.audited).toHaveLength(1);
    for (let at = 0; at < 4; at += 1) await bench.send(plain("doors.lock"), { id: `f-${at}` });
    await clock.run(60_000);
    expect(events().at(-1)).toMatchObject({ event: "rejected-over-budget", count: 6 });
  });
});

describe("an audit trail that holds as much of the outbox as it may", () => {
  it("waits in the journal, and goes out within a minute when there is room", async () => {
    const { clock, bench } = flooded();
    bench.hasRoom = false;
    await bench.send(bench.signed("doors.lock"));
    await clock.run(60_000);
    expect(bench.audited).toEqual([]);
    bench.hasRoom = true;
    await clock.run(60_000);
    expect(bench.audited.map(({ number }) => number)).toEqual([1, 2, 3]);
  });

  it("gives up the oldest past its bound, counts them, and the hole shows", () => {
    const clock = new ManualClock();
    const journal = new FakeJournal({ clock });
    const handed: AuditEntry[] = [];
    let hasRoom = true;
    const sink = {
      handOver: (entries: readonly AuditEntry[]) => void handed.push(...entries),
      hasRoom: () => hasRoom,
      isStored: () => true,
    };
    const trail = new AuditTrail(journal, sink, clock);
    trail.append({ event: "received", command: "first" });
    trail.flush();
    hasRoom = false;
    for (let at = 0; at < 1005; at += 1) trail.append({ event: "received", command: String(at) });
    expect(trail.dropped).toBe(5);
    hasRoom = true;
    trail.flush();
    expect(chainProblems(handed)).toEqual(["entries 2 to 6 are missing"]);
  });
});
