import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { ProgramAnswer, ProgramCommand, ProgramReply } from "../../../agent/ports/program-commands.ts";
import { CommandDesk } from "../../../agent/programs/command-desk.ts";
import { HeldCommands } from "../../../agent/programs/held-commands.ts";
import { programCommand } from "../../fakes/programs/program-command.ts";

const SEED = 1841;
const CLIENTS = [
  { name: "hvac", answers: ["precondition", "status"] },
  { name: "door-watch", answers: [] },
];
const DONE: ProgramAnswer = { status: "succeeded", reason: "", results: {} };
const said = z.object({ command: z.object({ id: z.string() }) });

function rig() {
  let ids = 0;
  const desk = new CommandDesk(CLIENTS, () => `id-${++ids}`);
  const connect = (names: readonly string[] = ["precondition"]) => {
    const lines: object[] = [];
    const state = { reads: true };
    const held = new HeldCommands((value) => {
      if (state.reads) lines.push(value);
      return state.reads;
    });
    desk.register("hvac", names, held);
    return { held, lines, state };
  };
  const ask = (change: Partial<ProgramCommand> = {}, signal = new AbortController().signal) =>
    desk.ask(programCommand(change), signal);
  return { desk, connect, ask };
}

describe("CommandDesk", () => {
  it("hands a command over with its arguments, and gives the answer", async () => {
    const { desk, connect, ask } = rig();
    const { held, lines } = connect();
    const reply = ask();
    const sent = { id: "id-1", name: "precondition", arguments: { celsius: 21 }, deadlineMs: 5000 };
    expect(lines).toEqual([{ command: sent }]);
    const answer = { ...DONE, results: { cabin: 19.5 } };
    expect(held.answer("id-1", answer)).toEqual({ kind: "taken" });
    expect(await reply).toEqual({ kind: "answered", answer });
    expect(desk.countsOf("hvac")).toEqual({ commands: 1, unanswered: 0 });
  });

  it("says what stands against a command that the configuration allows to nobody", () => {
    const { desk } = rig();
    expect(desk.problem("hvac", "precondition")).toBeUndefined();
    expect(desk.problem("hvac", "self-destruct")).toContain("hvac may not answer self-destruct");
    expect(desk.problem("door-watch", "status")).toContain("door-watch may not answer status");
    expect(desk.problem("other", "status")).toBe("there is no program other in programs.clients");
  });

  it("sends nothing where nobody answers, and says whether the program is there at all", async () => {
    const { desk, connect, ask } = rig();
    expect(await ask()).toEqual({ kind: "absent", what: "hvac is not connected" });
    const { held, lines } = connect(["status"]);
    expect(await ask()).toEqual({ kind: "absent", what: "hvac is connected, but does not answer precondition" });
    expect(lines).toEqual([]);
    desk.leave(held);
    expect(desk.absence("hvac", "status")).toBe("hvac is not connected");
    expect(desk.countsOf("hvac").commands).toBe(0);
  });

  it("awaits, after the start alone, who has not been there since then", () => {
    let isStarting = true;
    const desk = new CommandDesk(
      CLIENTS,
      () => "id",
      () => isStarting,
    );
    const awaited = () => ["precondition", "status"].map((name) => desk.isAwaited("hvac", name));
    expect(awaited()).toEqual([true, true]);
    const held = new HeldCommands(() => true);
    desk.register("hvac", ["precondition"], held);
    expect(awaited()).toEqual([false, true]);
    desk.leave(held);
    expect(awaited()).toEqual([false, true]);
    isStarting = false;
    expect(awaited()).toEqual([false, false]);
    isStarting = true;
    desk.close();
    expect(awaited()).toEqual([false, false]);
    expect(rig().desk.isAwaited("hvac", "status")).toBe(false);
  });

  it("sends nothing to a program that does not read", async () => {
    const { connect, ask } = rig();
    const { held, state } = connect();
    state.reads = false;
    expect(await ask()).toEqual({ kind: "absent", what: "hvac does not read what it is sent" });
    expect(held.answer("id-1", DONE)).toEqual({ kind: "unknown" });
  });

  it("never sends again what a program had that went away, whoever comes then", async () => {
    const { desk, connect, ask } = rig();
    const first = connect();
    const reply = ask();
    desk.leave(first.held);
    expect(await reply).toEqual({ kind: "gone" });
    const second = connect();
    expect([second.lines, second.held.answer("id-1", DONE).kind]).toEqual([[], "unknown"]);
    expect(desk.countsOf("hvac")).toEqual({ commands: 1, unanswered: 1 });
  });

  it("gives new commands to the connection that came last, and takes answers to older ones from the one that has them", async () => {
    const { desk, connect, ask } = rig();
    const first = connect();
    const reply = ask();
    const second = connect();
    expect([desk.isAnswering(first.held), desk.isAnswering(second.held)]).toEqual([false, true]);
    const next = ask();
    expect(second.held.answer("id-1", DONE)).toEqual({ kind: "unknown" });
    expect(first.held.answer("id-1", DONE)).toEqual({ kind: "taken" });
    desk.leave(first.held);
    second.held.answer("id-2", DONE);
    expect([await reply, await next]).toEqual([
      { kind: "answered", answer: DONE },
      { kind: "answered", answer: DONE },
    ]);
    expect([desk.namesOf("hvac"), desk.missingOf("hvac")]).toEqual([["precondition"], ["status"]]);
    expect([desk.namesOf("other"), desk.missingOf("other")]).toEqual([[], []]);
  });

  it("waits no longer than the caller, and takes no answer after that", async () => {
    const { connect, ask } = rig();
    const { held } = connect();
    const late = new AbortController();
    const reply = ask({}, late.signal);
    late.abort();
    expect(await reply).toEqual({ kind: "late" });
    expect(held.answer("id-1", DONE)).toEqual({ kind: "unknown" });
    expect(await ask({}, late.signal)).toEqual({ kind: "late" });
  });

  it("ends a command whose answer cannot be used, and tells the program what is wrong with it", async () => {
    const { connect, ask } = rig();
    const { held } = connect();
    const reply = ask({ problemWith: () => "results.cabin: too hot" });
    expect(held.answer("id-1", DONE)).toEqual({ kind: "unfit", what: "results.cabin: too hot" });
    expect(await reply).toEqual({ kind: "unfit", what: "results.cabin: too hot" });
    expect(held.answer("id-1", DONE)).toEqual({ kind: "unknown" });
  });

  it("ends everything with the agent, what older connections have too", async () => {
    const { desk, connect, ask } = rig();
    connect();
    const older = ask();
    connect();
    const newer = ask();
    desk.close();
    expect([await older, await newer, await ask()]).toEqual([
      { kind: "ended" },
      { kind: "ended" },
      { kind: "absent", what: "the agent is ending" },
    ]);
  });

  it("hands each command to one connection, once, and ends it once, whatever programs do", async () => {
    const step = fc.record({
      what: fc.constantFrom("connect", "ask", "answer", "answer", "leave", "abort"),
      which: fc.nat(5),
      id: fc.nat(8),
    });
    const property = fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const { desk, connect, ask } = rig();
      const connections: { readonly rig: ReturnType<typeof connect>; isGone: boolean }[] = [];
      const asked: {
        readonly abort: AbortController;
        readonly reply: Promise<ProgramReply>;
        readonly ends: string[];
      }[] = [];
      // The model: who has which id, and how it must end.
      const holder = new Map<string, number>();
      const ends: (readonly [ask: number, id: string])[] = [];
      const expected = new Map<number, string>();
      let current: number | undefined;
      for (const { what, which, id } of steps) {
        const one = connections[which];
        const name = `id-${id}`;
        const askOf = (wanted: string) => ends.find(([, known]) => known === wanted)?.[0] ?? -1;
        if (what === "connect" && connections.length < 6) {
          connections.push({ rig: connect(), isGone: false });
          current = connections.length - 1;
        } else if (what === "ask") {
          const abort = new AbortController();
          const ended: string[] = [];
          const reply = ask({}, abort.signal);
          void reply.then(({ kind }) => ended.push(kind));
          asked.push({ abort, reply, ends: ended });
          if (current === undefined) expected.set(asked.length - 1, "absent");
          else {
            const given = `id-${ends.length + 1}`;
            ends.push([asked.length - 1, given]);
            holder.set(given, current);
          }
        } else if (what === "answer" && one !== undefined) {
          const isTaken = holder.get(name) === which;
          expect(one.rig.held.answer(name, DONE).kind).toBe(isTaken ? "taken" : "unknown");
          if (isTaken) expected.set(askOf(name), "answered");
          if (isTaken) holder.delete(name);
        } else if (what === "leave" && one !== undefined) {
          desk.leave(one.rig.held);
          if (current === which) current = undefined;
          for (const [held, by] of holder) {
            if (by !== which) continue;
            expected.set(askOf(held), "gone");
            holder.delete(held);
          }
        } else if (what === "abort") {
          asked[which]?.abort.abort();
          const held = ends.find(([index]) => index === which)?.[1];
          if (held !== undefined && holder.delete(held)) expected.set(which, "late");
        }
      }
      desk.close();
      for (const { reply } of asked) await reply;
      // What nobody ended ends with the agent; of what had gone over to nobody there is nothing.
      expect(asked.map(({ ends: told }) => told)).toEqual(asked.map((_, index) => [expected.get(index) ?? "ended"]));
      const lines = connections.flatMap(({ rig: { lines } }) => lines.map((line) => said.parse(line).command.id));
      expect(lines.sort()).toEqual(ends.map(([, id]) => id).sort());
    });
    await fc.assert(property, { seed: SEED, numRuns: 200 });
  });
});
