import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Expression } from "../../../../agent/telemetry/expressions/compile.ts";
import type { Operand } from "../../../../agent/telemetry/expressions/operand.ts";
import { Machine } from "../../../../agent/telemetry/expressions/program.ts";
import type { Scope } from "../../../../agent/telemetry/expressions/scope.ts";
import { boardOf, expressionOf, RecordingSink, SCOPE } from "./board.ts";

const SEED = 20_261_132;
const MAX_AGES_MS = [5, 20, 1000] as const;
const LIMITED: Scope = new Map([
  ...SCOPE,
  ["a", { input: 8, type: "double" }],
  ["b", { input: 9, type: "bool" }],
  ["c", { input: 10, type: "double" }],
]);
const DERIVED = [
  { output: 8, texts: ["x + y", "x / y", "rate(x)", "x - previous(x)"] },
  { output: 9, texts: ["a > y", "x == previous(x)", "flag && a > 0"] },
  { output: 10, texts: ["b ? a : z", "previous(a) * 2", "agent.outboxBytes + (b ? 1 : 0)"] },
] as const;
const CONDITIONS = [
  "x > 1",
  "a > 1",
  "b",
  "c > previous(c)",
  "age(x) > 4",
  "age(x) >= 4 && age(y) <= 7.5",
  "rate(a) > 0",
  "x > 0 || y > 0",
  "!flag",
  "bus.can0.up && c < 3",
  "age(a) < 3 || previous(y) == 1",
  "x == 1 && age(z) > 10",
  'bus.can0.state == "bus-off"',
] as const;

type Event = {
  readonly kind: "frame" | "tick" | "forget";
  readonly afterUs: number;
  readonly samples: readonly (readonly [number, number])[];
};
type Sample = { readonly timeUs: number; readonly value: number };
type Placed = { readonly expression: Expression; readonly maxAgeMs: number; readonly output?: number };

const event: fc.Arbitrary<Event> = fc.record({
  kind: fc.constantFrom("frame", "frame", "frame", "frame", "tick", "forget"),
  afterUs: fc.constantFrom(0, 1, 999, 1000, 1001, 3000, 4000, 4999, 5000, 5001, 20_000, 2_000_000),
  samples: fc.uniqueArray(fc.tuple(fc.integer({ min: 0, max: 6 }), fc.constantFrom(0, 1, 1, 1, 0, Number.NaN)), {
    selector: ([input]) => input,
    maxLength: 4,
  }),
});

/** Evaluates everything from all samples that there were, whenever it is asked. */
class Model {
  readonly #samples = new Map<number, readonly Sample[]>();
  readonly #forgotten = new Set<number>();
  readonly #derived: readonly Placed[];

  constructor(derived: readonly Placed[]) {
    this.#derived = derived;
  }

  frame(samples: readonly (readonly [number, number])[], timeUs: number): void {
    const got = new Set<number>();
    const add = (input: number, value: number): void => {
      this.#samples.set(input, [...(this.#samples.get(input) ?? []), { timeUs, value }]);
      this.#forgotten.delete(input);
      got.add(input);
    };
    for (const [input, value] of samples) add(input, value);
    for (const { expression, maxAgeMs, output } of this.#derived) {
      if (output === undefined || !expression.operands.some(({ input }) => got.has(input))) continue;
      const value = this.evaluate(expression, maxAgeMs, timeUs);
      if (Number.isFinite(value)) add(output, value);
    }
  }

  forget(input: number): void {
    this.#forgotten.add(input);
  }

  evaluate(expression: Expression, maxAgeMs: number, nowUs: number): number {
    const registers = Float64Array.from(expression.operands, (operand) => this.#read(operand, maxAgeMs, nowUs));
    if (registers.some(Number.isNaN)) return Number.NaN;
    return new Machine(expression.program.depth).run(expression.program, registers);
  }

  #read({ input, kind, holds }: Operand, maxAgeMs: number, nowUs: number): number {
    const samples = this.#samples.get(input) ?? [];
    const last = samples.at(-1);
    const before = samples.at(-2);
    if (kind === "age") return last === undefined ? Number.POSITIVE_INFINITY : (nowUs - last.timeUs) / 1000;
    if (last === undefined || Number.isNaN(last.value) || this.#forgotten.has(input)) return Number.NaN;
    const source = this.#derived.find(({ output }) => output === input);
    if (source !== undefined && !Number.isFinite(this.evaluate(source.expression, source.maxAgeMs, nowUs)))
      return Number.NaN;
    if (!holds && nowUs - last.timeUs > maxAgeMs * 1000) return Number.NaN;
    if (kind === "value") return last.value;
    if (before === undefined) return Number.NaN;
    if (kind === "previous") return before.value;
    const stepUs = last.timeUs - before.timeUs;
    return stepUs > 0 ? ((last.value - before.value) / stepUs) * 1e6 : Number.NaN;
  }
}

describe("ValueBoard against a model", () => {
  it(`has after every frame the results that all samples give (seed ${SEED})`, () => {
    let trues = 0;
    let nothings = 0;
    const choice = fc.record({
      texts: fc.tuple(...DERIVED.map(({ texts }) => fc.constantFrom(...texts))),
      ages: fc.array(fc.constantFrom(...MAX_AGES_MS), { minLength: 16, maxLength: 16 }),
    });
    fc.assert(
      fc.property(choice, fc.array(event, { minLength: 1, maxLength: 60, size: "max" }), ({ texts, ages }, events) => {
        const derived = texts.map((text, at): Placed & { readonly output: number } => {
          return { expression: expressionOf(text, "value", LIMITED), maxAgeMs: ages[at], output: DERIVED[at].output };
        });
        const conditions = CONDITIONS.map((text, at) => {
          return {
            expression: expressionOf(text, "condition", LIMITED),
            maxAgeMs: ages[3 + at],
            sink: new RecordingSink(),
          };
        });
        const { board } = boardOf();
        board.use([
          ...conditions.map(({ expression, maxAgeMs, sink }) => ({
            expression,
            maxAgeMs,
            use: { kind: "condition" as const, sink },
          })),
          ...derived.toReversed().map(({ expression, maxAgeMs, output }) => ({
            expression,
            maxAgeMs,
            use: { kind: "derived" as const, output },
          })),
        ]);
        const model = new Model(derived);
        let timeUs = 1_764_374_400_000_000;
        for (const { kind, afterUs, samples } of events) {
          timeUs += afterUs;
          if (kind === "forget") {
            for (const [input] of samples) board.forget(input);
            for (const [input] of samples) model.forget(input);
          } else if (kind === "frame") {
            for (const [input, value] of samples) board.note(input, value, timeUs);
            model.frame(samples, timeUs);
          }
          board.settle(timeUs);
          const got = conditions.map(({ expression, sink }) => [expression.text, sink.results.at(-1)?.result]);
          const expected = conditions.map(({ expression, maxAgeMs }) => [
            expression.text,
            model.evaluate(expression, maxAgeMs, timeUs),
          ]);
          expect({ timeUs, got }).toEqual({ timeUs, got: expected });
          trues += expected.filter(([, result]) => result === 1).length;
          nothings += expected.filter(([, result]) => Number.isNaN(result)).length;
        }
      }),
      { seed: SEED, numRuns: 1000 },
    );
    expect(Math.min(trues, nothings)).toBeGreaterThan(10_000);
  });
});
