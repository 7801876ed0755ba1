import { describe, expect, it, onTestFinished } from "vitest";
import type { Outcome } from "../../../agent/commands/action.ts";
import { rejected, rejectionAnswer } from "../../../agent/commands/answer.ts";
import { AgentError } from "../../../agent/core/errors.ts";
import { CommandBench, type CommandBenchParts, plain } from "../../fakes/commands/command-bench.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { FakeJournal } from "../../fakes/ports/journal.ts";

const READ = { "signals.read": { commandClass: "R0" } } as const;

/** A bench whose reporter runs until the test ends. */
function reporting(parts: CommandBenchParts): CommandBench {
  const bench = new CommandBench(parts);
  const stopping = new AbortController();
  const ended = bench.parts.reporter.run(stopping.signal);
  onTestFinished(async () => {
    stopping.abort();
    await ended;
  });
  return bench;
}

const toldBy = (bench: CommandBench) => bench.channel.reported.map(({ answer }) => answer.status);

describe("Reporter", () => {
  it("tells each answer once and notes it", async () => {
    const bench = reporting({ actions: READ });
    await bench.send(plain("signals.read"), { id: "1" });
    await bench.clock.run(0);
    expect(bench.channel.reported).toEqual([
      {
        reply: { channel: "aws", execution: "1", format: "json" },
        answer: { status: "SUCCEEDED", reason: undefined, result: {} },
      },
    ]);
    expect(bench.ledger.find("aws:1")?.isReported).toBe(true);
    await bench.clock.run(3_600_000);
    expect(toldBy(bench)).toEqual(["SUCCEEDED"]);
  });

  it("tells a repeat again, where it was asked for", async () => {
    const bench = reporting({ actions: { "doors.lock": { commandClass: "R3" } } });
    const body = bench.signed("doors.lock");
    for (const id of ["1", "1", "2"]) {
      await bench.send(body, { id });
      await bench.clock.run(0);
    }
    expect(bench.channel.reported.map(({ reply }) => (reply.channel === "aws" ? reply.execution : ""))).toEqual([
      "1",
      "1",
      "2",
    ]);
    expect(toldBy(bench)).toEqual(["SUCCEEDED", "SUCCEEDED", "SUCCEEDED"]);
    expect(bench.acts).toHaveLength(1);
  });

  it("keeps an answer that does not arrive, tries ever more seldom, and tells it in the end", async () => {
    const bench = reporting({ actions: READ });
    let attempts = 0;
    bench.channel.onReport = () => {
      attempts += 1;
    };
    bench.channel.outcome = "later";
    await bench.send(plain("signals.read"), { id: "1" });
    await bench.clock.run(600_000);
    expect(attempts).toBeGreaterThan(10);
    expect(attempts).toBeLessThan(40);
    expect(bench.ledger.find("aws:1")?.isReported).toBe(false);
    bench.channel.outcome = "reported";
    await bench.clock.run(61_000);
    expect(toldBy(bench)).toEqual(["SUCCEEDED"]);
  });

  it("does not let one that does not arrive keep the others", async () => {
    const bench = reporting({ actions: READ });
    bench.channel.refuses = "1";
    for (let id = 1; id <= 30; id += 1) await bench.send(plain("signals.read"), { id: String(id) });
    await bench.clock.run(1000);
    expect(bench.channel.reported).toHaveLength(29);
  });

  it("tells what an earlier process left", async () => {
    const clock = new ManualClock();
    const journal = new FakeJournal({ clock });
    const earlier = new CommandBench({ clock, journal, actions: READ });
    await earlier.send(plain("signals.read"), { id: "1" });
    const bench = reporting({ clock, journal });
    await bench.clock.run(0);
    expect(toldBy(bench)).toEqual(["SUCCEEDED"]);
  });

  it("tells again what it could not note as told", async () => {
    const clock = new ManualClock();
    const journal = new FakeJournal({ clock });
    const bench = reporting({ clock, journal, actions: READ });
    bench.channel.onReport = () => {
      if (bench.channel.reported.length === 0)
        journal.failNext(new AgentError("journal.full", { what: "full", remedy: "none" }));
    };
    await bench.send(plain("signals.read"), { id: "1" });
    await bench.clock.run(2000);
    expect(toldBy(bench)).toEqual(["SUCCEEDED", "SUCCEEDED"]);
    expect(bench.ledger.find("aws:1")?.isReported).toBe(true);
  });

  it("answers what could not be read, once", async () => {
    const bench = reporting({});
    expect(await bench.outcome(new Uint8Array(1), { id: "1" })).toBe("REJECTED COMMAND_REQUEST_PARSING_FAILED");
    await bench.clock.run(60_000);
    expect(bench.channel.reported).toHaveLength(1);
    expect(bench.journal.stats().commands).toBe(0);
  });

  it("bounds the answers on their way to what could not be read", async () => {
    const bench = reporting({});
    bench.channel.hangs = true;
    const turnAway = (at: number) =>
      bench.parts.reporter.reject(
        { reply: { channel: "aws", execution: String(at), format: "json" } },
        rejectionAnswer(rejected("TOO_LARGE", "")),
      );
    for (let at = 0; at < 100; at += 1) turnAway(at);
    expect(bench.channel.attempts).toBe(8);
  });

  it("says that a command is in progress when it takes a second, and not of a shorter one", async () => {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const bench = reporting({ actions: { ...READ, slow: { commandClass: "R0", run: () => promise } } });
    await bench.send(plain("signals.read"), { id: "1" });
    const slow = bench.send(plain("slow"), { id: "2" });
    await bench.clock.run(999);
    expect(bench.channel.progressed).toEqual([]);
    await bench.clock.run(5000);
    expect(bench.channel.progressed).toEqual([{ channel: "aws", execution: "2", format: "json" }]);
    resolve({ kind: "done", result: {} });
    await slow;
  });
});
