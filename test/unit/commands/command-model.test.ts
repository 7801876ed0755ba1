import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Outcome } from "../../../agent/commands/action.ts";
import { CommandBench, textOf } from "../../fakes/commands/command-bench.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { FakeJournal } from "../../fakes/ports/journal.ts";

/** What may happen to a vehicle that takes commands. */
type Step =
  | { readonly kind: "send"; readonly command: number; readonly ends: "well" | "badly" | "never" }
  | { readonly kind: "release" | "restart" }
  | { readonly kind: "wait"; readonly ms: number };

const COMMANDS = 6;
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("send" as const),
      command: fc.nat(COMMANDS - 1),
      ends: fc.constantFrom("well" as const, "badly" as const, "never" as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("release" as const, "restart" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.constantFrom(1, 30_000) }) },
);

/** The slow, obvious model: for each command whether it has acted, and its one answer once there is one. */
class Model {
  readonly answers = new Map<number, string>();
  readonly acted: number[] = [];
  /** Commands whose act is under way. */
  readonly open: number[] = [];
  nowMs = 0;

  send(command: number, ends: string, expiresMs: number): string {
    const known = this.answers.get(command);
    if (known !== undefined) return known;
    if (this.open.includes(command)) return "none";
    if (this.nowMs >= expiresMs) return this.#end(command, "TIMED_OUT TIMED_OUT_BEFORE_DISPATCH");
    if (this.open.length > 0) return this.#end(command, "REJECTED BUSY");
    this.acted.push(command);
    if (ends === "never") {
      this.open.push(command);
      return "none";
    }
    return this.#end(command, ends === "well" ? "SUCCEEDED" : "FAILED NO_RESPONSE");
  }

  release(): void {
    for (const command of this.open.splice(0)) this.#end(command, "SUCCEEDED");
  }

  restart(): void {
    for (const command of this.open.splice(0)) this.#end(command, "FAILED INDETERMINATE");
  }

  #end(command: number, answer: string): string {
    this.answers.set(command, answer);
    return answer;
  }
}

describe("commands against a slow obvious model", () => {
  it("act, answer and are remembered as the model says, over repeats, restarts and time", async () => {
    const property = fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
      const clock = new ManualClock();
      const journal = new FakeJournal({ clock });
      const model = new Model();
      const acted: number[] = [];
      let current = { command: -1, ends: "well" };
      let release = Promise.withResolvers<Outcome>();
      const run = async (): Promise<Outcome> => {
        acted.push(current.command);
        if (current.ends === "never") return await release.promise;
        return current.ends === "well"
          ? { kind: "done", result: {} }
          : { kind: "failed", code: "NO_RESPONSE", description: "" };
      };
      const open = (key?: CommandBench["key"]) =>
        new CommandBench({
          clock,
          journal,
          actions: { "doors.lock": { commandClass: "R3", run, timeoutMs: 3_600_000 } },
          ...(key === undefined ? {} : { key }),
        });
      let bench = open();
      const expiresMs = 60_000;
      const bodies = Array.from({ length: COMMANDS }, (_, at) =>
        bench.signed("doors.lock", { id: `c-${at}`, expiresAtMs: bench.nowMs + expiresMs }),
      );
      for (const one of steps) {
        if (one.kind === "send") {
          current = one;
          const outcome = bench.send(bodies[one.command], { id: `e-${one.command}` });
          const expected = model.send(one.command, one.ends, expiresMs);
          if (expected !== "none") expect(textOf(await outcome)).toBe(expected);
        } else if (one.kind === "wait") {
          clock.advance(one.ms);
          model.nowMs += one.ms;
        } else if (one.kind === "release") {
          release.resolve({ kind: "done", result: {} });
          await new Promise((resolve) => setImmediate(resolve));
          release = Promise.withResolvers<Outcome>();
          model.release();
        } else {
          release = Promise.withResolvers<Outcome>();
          bench = open(bench.key);
          bench.ledger.recover("boot-1");
          model.restart();
        }
        expect(acted).toEqual(model.acted);
        for (let at = 0; at < COMMANDS; at += 1) {
          expect(textOf(bench.ledger.find(`c-${at}`)?.answer)).toBe(model.answers.get(at) ?? "none");
        }
      }
    });
    await fc.assert(property, { seed: 20_261_124, numRuns: 200 });
  }, 60_000);
});
