import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ConditionSignal, conditionText } from "../../../agent/fleetwise/condition-text.ts";
import { CONDITION_OPERATORS, type ConditionNode } from "../../../agent/fleetwise/read/condition-node.ts";
import { compileExpression } from "../../../agent/telemetry/expressions/compile.ts";
import { ValueBoard } from "../../../agent/telemetry/expressions/value-board.ts";
import { runCondition } from "../../fakes/fleetwise/condition-model.ts";
import { RecordingSink } from "../telemetry/expressions/board.ts";

const SEED = 20_261_129;
const plain = { kind: "integer", factor: 1, offset: 0 } as const;
/** Signals 1 to 5; others are in no manifest. */
const SIGNALS: readonly ConditionSignal[] = [
  { ...plain, type: "double" },
  { ...plain, type: "uint16", factor: 0.5 },
  { ...plain, type: "bool" },
  { ...plain, type: "int32" },
  { ...plain, type: "float", kind: "float" },
];
const WINDOWS_MS: Readonly<Record<number, number>> = { 1: 1000, 2: 500, 3: 1000, 4: 1500 };
const signals = { signal: (id: number) => SIGNALS[id - 1], windowMs: (id: number) => WINDOWS_MS[id] ?? 0 };

const signal = (id: number): ConditionNode => ({ kind: "signal", id });
const number = (value: number): ConditionNode => ({ kind: "number", value });
const text = (value: string): ConditionNode => ({ kind: "text", value });
const bool = (value: boolean): ConditionNode => ({ kind: "bool", value });
type Operator = (typeof CONDITION_OPERATORS)[number];
const op = (left: ConditionNode, operator: Operator, right?: ConditionNode): ConditionNode => ({
  kind: "operator",
  operator,
  left,
  right,
});
const windowOf = (id: number, of: "min" | "max" | "mean", window: "last" | "previous"): ConditionNode => ({
  kind: "window",
  id,
  of,
  window,
});
const said = (node: ConditionNode) => {
  const made = conditionText(node, signals);
  return made.kind === "condition" ? made.text : made.problem;
};

/** What the board makes of a condition when these are the newest physical values: 1, 0 or NaN. */
function evaluated(node: ConditionNode, physical: ReadonlyMap<number, number>): number {
  const made = conditionText(node, signals);
  if (made.kind === "unfit") throw new Error(made.problem);
  const ids = [...made.inputs.values()];
  const scope = new Map([...made.inputs.keys()].map((name, input) => [name, { input, type: "double" } as const]));
  const expression = compileExpression(made.text, scope, "condition");
  if (expression.kind === "unfit") throw new Error(`${made.text}: ${expression.problem}`);
  const board = new ValueBoard({ inputs: ids.length, derived: { takeDerived: () => undefined } });
  const sink = new RecordingSink();
  board.use([{ expression, maxAgeMs: 86_400_000, use: { kind: "condition", sink } }]);
  for (const [input, id] of ids.entries()) {
    const value = physical.get(id);
    if (value !== undefined) board.note(input, value, 1000);
  }
  board.settle(1000);
  return sink.results.at(-1)?.result ?? Number.NaN;
}

/** A physical value as the type of its signal has it, as FWE keeps it. */
function typed(id: number, physical: number): number | boolean {
  const { type } = SIGNALS[id - 1];
  if (type === "bool") return physical !== 0;
  return type === "uint16" || type === "int32" ? Math.trunc(physical) : physical;
}

describe("a condition in the language of this agent", () => {
  // The one form that CMS makes.
  it.each([
    [">", "(s1 > 55.0)"],
    ["<", "(s1 < 55.0)"],
    [">=", "(s1 >= 55.0)"],
    ["<=", "(s1 <= 55.0)"],
    ["==", "(abs(s1 - 55.0) < 0.001)"],
    ["!=", "!(abs(s1 - 55.0) < 0.001)"],
  ] as const)("says signal %s number", (operator, expected) => {
    expect(conditionText(op(signal(1), operator, number(55)), signals)).toEqual({
      kind: "condition",
      text: expected,
      inputs: new Map([["s1", 1]]),
    });
  });

  it.each([
    ["values that the type cuts", op(signal(2), ">", number(-0.5)), "(double(int(s2)) > (-0.5))"],
    ["bools as numbers", op(signal(3), "+", number(1e-7)), "((((s3 != 0.0) ? 1.0 : 0.0) + 1e-7) != 0.0)"],
    ["numbers as bools", op(signal(4), "and", bool(true)), "((s4 != 0.0) && true)"],
    ["not", op(signal(3), "not"), "!(s3 != 0.0)"],
    ["windows", op(windowOf(1, "max", "last"), ">", number(3)), '(tumblingMax(s1, duration("1000ms")) > 3.0)'],
    [
      "the windows before",
      op(windowOf(2, "min", "previous"), ">", number(3)),
      '(double(int(tumblingMin(s2, duration("500ms"), 1))) > 3.0)',
    ],
    [
      "the mean of integers",
      op(windowOf(4, "mean", "last"), ">", number(3)),
      '(double(int(tumblingMean(s4, duration("1500ms")))) > 3.0)',
    ],
    ["windows of bools", windowOf(3, "max", "last"), '(tumblingMax(s3, duration("1000ms")) != 0.0)'],
    ["texts, which are known", op(op(text("a"), "+", text("b")), "==", text("ab")), "true"],
  ])("says %s", (_what, node, expected) => {
    expect(said(node)).toBe(expected);
  });

  it.each([
    [
      "a signal that is in no manifest",
      op(signal(9), ">", number(1)),
      "reads signal 9, which the decoder manifest does not have",
    ],
    ["a text beside a number", op(text("1"), "==", number(1)), "is never true: it takes a text for a number"],
    ["a text as the whole", text("a"), "is never true: it takes a text for true or false"],
    ["texts in order", op(text("a"), "<", text("b")), "is never true: texts have no <"],
    ["windows without a length", windowOf(5, "min", "last"), "asks for windows over signal 5, which have no length"],
    [
      "the mean of what is cut",
      windowOf(2, "mean", "last"),
      "asks for the mean of signal 2, whose values lose their fractions one by one",
    ],
    ["isNull", { kind: "is-null", id: 1 } as const, "asks isNull, which expressions of this agent do not have"],
  ])("is refused with %s", (_what, node, problem) => {
    expect(said(node)).toBe(problem);
  });

  it("is refused where it is longer than an expression may be", () => {
    const wide = (depth: number): ConditionNode =>
      depth === 0 ? op(signal(2), "==", number(123_456.789)) : op(wide(depth - 1), "and", wide(depth - 1));
    expect(said(wide(3))).toMatch(/^\(/);
    expect(said(wide(7))).toBe("is too large for an expression of this agent");
  });

  it("is undefined, and so not true, as long as one of its signals was not seen", () => {
    const node = op(op(signal(1), ">", number(0)), "or", op(signal(4), ">", number(0)));
    expect(evaluated(node, new Map([[1, 5]]))).toBeNaN();
    expect(runCondition(node, (id) => (id === 1 ? 5 : undefined)).isTrue).toBe(false);
    expect(evaluated(op(node, "not"), new Map([[1, 5]]))).toBeNaN();
    expect(
      evaluated(
        node,
        new Map([
          [1, 5],
          [4, 0],
        ]),
      ),
    ).toBe(1);
  });
});

const value = fc.oneof(
  fc.constantFrom(0, 1, -1, 0.5, 0.0005, 0.001, -0.0009, 54.9995, 55, 55.0011, 1e300, -1e300, 5e-324),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer({ min: -70_000, max: 70_000 }).map((one) => one / 4),
);
const leaf = fc.oneof(
  fc.integer({ min: 1, max: SIGNALS.length }).map(signal),
  value.map(number),
  fc.boolean().map(bool),
);
const { tree } = fc.letrec<{ tree: ConditionNode }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    leaf,
    fc
      .tuple(tie("tree"), fc.constantFrom(...CONDITION_OPERATORS), tie("tree"))
      .map(([left, operator, right]) => op(left, operator, operator === "not" ? undefined : right)),
  ),
}));
/** Physical values by signal; of types that cut, such as the type holds. */
const physicalValues = fc
  .array(fc.option(value, { nil: undefined, freq: 12 }), { minLength: SIGNALS.length, maxLength: SIGNALS.length })
  .map((values) => {
    const held = values.map((one, at) => (one === undefined ? undefined : heldBy(SIGNALS[at], one)));
    return new Map(held.flatMap((one, at) => (one === undefined ? [] : [[at + 1, one] as const])));
  });

/** What frames can hold of a value: of integers a number of 16 bits in steps of the factor. */
function heldBy({ kind, factor, type }: ConditionSignal, given: number): number {
  if (type === "double" || kind !== "integer") return given;
  return Math.trunc(Math.max(-30_000, Math.min(30_000, given / factor))) * factor;
}

describe("conditions against the rules of the reference agent", () => {
  it(`are true when those say so, wherever all calculations have a result (seed ${SEED})`, () => {
    let compared = 0;
    let trueOnes = 0;
    fc.assert(
      fc.property(tree, physicalValues, (node, physical) => {
        const model = runCondition(node, (id) => {
          const known = physical.get(id);
          return known === undefined ? undefined : typed(id, known);
        });
        if (model.hadNoResult || conditionText(node, signals).kind === "unfit") return;
        compared += 1;
        if (model.isTrue) trueOnes += 1;
        expect(evaluated(node, physical) === 1).toBe(model.isTrue);
      }),
      { seed: SEED, numRuns: 20_000 },
    );
    expect(compared).toBeGreaterThan(10_000);
    expect(trueOnes).toBeGreaterThan(2000);
  });
});
