import { describe, expect, it } from "vitest";
import type { Outcome } from "../../../agent/commands/action.ts";
import type { ReplyAddress } from "../../../agent/commands/request.ts";
import { AgentError } from "../../../agent/core/errors.ts";
import { CommandBench, textOf } from "../../fakes/commands/command-bench.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { FakeJournal } from "../../fakes/ports/journal.ts";

const execution = (name: string): ReplyAddress => ({ channel: "aws", execution: name, format: "json" });

describe("a request that comes again", () => {
  /** An action that runs until it is told to end. */
  function running() {
    const end = Promise.withResolvers<Outcome>();
    const bench = new CommandBench({ actions: { "doors.lock": { commandClass: "R3", run: () => end.promise } } });
    return { bench, finish: () => end.resolve({ kind: "done", result: {} }) };
  }

  it("through another execution while it runs is answered there too, once", async () => {
    const { bench, finish } = running();
    const body = bench.signed("doors.lock");
    const first = bench.send(body, { reply: execution("e-1") });
    for (let time = 0; time < 3; time += 1) {
      for (const name of ["e-1", "e-2", "e-3"])
        expect(await bench.send(body, { reply: execution(name) })).toBe(undefined);
    }
    finish();
    expect(textOf(await first)).toBe("SUCCEEDED");
    const untold = bench.ledger.unreported(10).map(({ reply, answer }) => `${JSON.stringify(reply)} ${answer?.status}`);
    expect(untold.toSorted()).toEqual(
      ["e-1", "e-2", "e-3"].map((one) => `${JSON.stringify(execution(one))} SUCCEEDED`),
    );
    expect(bench.acts).toEqual(["doors.lock"]);
  });

  it("through more executions than the bound while it runs is refused as busy", async () => {
    const { bench, finish } = running();
    const body = bench.signed("doors.lock");
    const first = bench.send(body);
    const ends = [];
    for (let at = 0; at < 20; at += 1) ends.push(await bench.outcome(body, { reply: execution(`more-${at}`) }));
    expect(ends.filter((one) => one === "none")).toHaveLength(16);
    expect(ends.filter((one) => one === "REJECTED BUSY")).toHaveLength(4);
    finish();
    await first;
    expect(bench.acts).toEqual(["doors.lock"]);
  });

  it("costs no write while its answer waits to be told, also where its id stands for another one", async () => {
    const clock = new ManualClock();
    const journal = new FakeJournal({ clock });
    const bench = new CommandBench({ clock, journal, actions: { "doors.lock": { commandClass: "R3" } } });
    const body = bench.signed("doors.lock");
    expect(await bench.outcome(body)).toBe("SUCCEEDED");
    const spelling = new TextEncoder().encode(`${JSON.stringify(body)} `);
    const elsewhere = { reply: execution("e-2") };
    expect(await bench.outcome(spelling, elsewhere)).toBe("REJECTED COUNTER_REPLAYED");
    journal.failNext(new AgentError("journal.full", { what: "a write", remedy: "none is wanted" }));
    for (let time = 0; time < 5; time += 1) {
      expect(await bench.outcome(body)).toBe("SUCCEEDED");
      expect(await bench.outcome(spelling, elsewhere)).toBe("REJECTED COUNTER_REPLAYED");
    }
    expect(bench.ledger.unreported(10)).toHaveLength(2);
  });
});
