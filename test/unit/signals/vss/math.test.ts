import { Environment } from "@marcbachmann/cel-js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  evaluateMath,
  expressionOf,
  linearOf,
  type MathFormula,
  parseMath,
} from "../../../../agent/signals/vss/math.ts";

function formulaOf(text: string): MathFormula {
  const parsed = parseMath(text);
  if (parsed.kind === "unfit") throw new Error(parsed.problem);
  return parsed.formula;
}

function at(text: string, x: number): number {
  return evaluateMath(formulaOf(text), x);
}

describe("parseMath", () => {
  it.each([
    // kuksa-can-provider, mapping/README.md: 2 V is -20 %.
    ["floor((x*40)-100)", 2, -20],
    ["(x+100)/40", -20, 2],
    ["floor(abs(x/5))", -23, 4],
    ["floor(x+0.5)", -0.5, 0],
    ["2 + 3 * x - 4 / 2", 5, 15],
    ["2 ^ 3 ^ 2", 0, 512],
    ["-x ^ 2", 3, -9],
    ["2 ** -1", 0, 0.5],
    // Python: -7 % 3 is 2, and 7 % -3 is -2.
    ["x % 3", -7, 2],
    ["x % (-3)", 7, -2],
    ["max(min(x, 100), 0)", 130, 100],
    ["1.5e2 + .5 + x", 0, 150.5],
    ["2*PI*x", 1, 2 * Math.PI],
    ["+x - -x", 2, 4],
    ["1 - 2 - 3", 0, -4],
    ["8 / 4 / 2", 0, 1],
  ])("reads %s", (text, x, value) => {
    expect(at(text, x)).toBeCloseTo(value, 12);
  });

  it.each([
    ["", "expected a number, x or '(', found the end"],
    ["x +", "expected a number, x or '(', found the end"],
    ["(x", "expected ')'"],
    ["x x", "'' is not understood"],
    ["y", "y is not known; there are x, PI, E, abs, ceil, floor, round, sqrt, log, pow, min, max"],
    ["sin(x)", "sin is not known; there are x, PI, E, abs, ceil, floor, round, sqrt, log, pow, min, max"],
    ["min(x)", "min takes 2 numbers, not 1"],
    ["x; process.exit()", "'; process.exit()' is not understood"],
    [
      "constructor(x)",
      "constructor is not known; there are x, PI, E, abs, ceil, floor, round, sqrt, log, pow, min, max",
    ],
    [`${"(".repeat(65)}x${")".repeat(65)}`, "is nested deeper than 64"],
    [`x${"+x".repeat(500)}`, "has 1001 characters, more than 1000"],
  ])("says what is wrong with %s", (text, problem) => {
    expect(parseMath(text)).toEqual({ kind: "unfit", problem });
  });
});

const formula: fc.Arbitrary<string> = fc.letrec<{ any: string }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 4 },
    fc.constant("x"),
    fc.integer({ min: 0, max: 9 }).map(String),
    fc.tuple(tie("any"), fc.constantFrom("+", "-", "*", "/", "%"), tie("any")).map(([a, op, b]) => `(${a} ${op} ${b})`),
    fc.tuple(fc.constantFrom("abs", "floor", "ceil"), tie("any")).map(([name, a]) => `${name}(${a})`),
  ),
})).any;

describe("linearOf", () => {
  it.each([
    ["x", 1, 0],
    ["(x - 32) * 5 / 9", 5 / 9, -160 / 9],
    ["100 - x / 2", -0.5, 100],
    ["2 * (3 + x) - 4 * 2", 2, -2],
    ["floor(2.5)", 0, 2],
  ])("sees the line of %s", (text, factor, offset) => {
    const line = linearOf(formulaOf(text));
    expect(line?.factor).toBeCloseTo(factor, 12);
    expect(line?.offset).toBeCloseTo(offset, 12);
  });

  it.each(["floor(x)", "x * x", "1 / x", "x ^ 2", "min(x, 3)", "x % 5", "x / 0", "x + 1 / 0"])(
    "sees none of %s",
    (text) => {
      expect(linearOf(formulaOf(text))).toBeUndefined();
    },
  );

  it("gives the line that the formula is at any x", () => {
    fc.assert(
      fc.property(formula, fc.integer({ min: -50, max: 50 }), (text, x) => {
        const line = linearOf(formulaOf(text));
        if (line === undefined) return;
        const value = at(text, x);
        expect(Math.abs(line.factor * x + line.offset - value)).toBeLessThanOrEqual(
          1e-6 * Math.max(1, Math.abs(value)),
        );
      }),
      { seed: 14, numRuns: 2000 },
    );
  });
});

describe("expressionOf", () => {
  it.each([
    ["floor((x*40)-100)", "floor((x * 40.0) - 100.0)"],
    ["floor(abs(x/5))", "floor(abs(x / 5.0))"],
    ["x % 3", "x - 3.0 * floor(x / 3.0)"],
    ["1 - (2 - x)", "1.0 - (2.0 - x)"],
    ["max(x, 1e21)", "max(x, 1e+21)"],
  ])("writes %s as %s", (text, expression) => {
    expect(expressionOf(formulaOf(text))).toBe(expression);
  });

  it("means the same in CEL, of which cel-js is another implementation", () => {
    const cel = new Environment({ unlistedVariablesAreDyn: true });
    for (const name of ["abs", "floor", "ceil"] as const) {
      cel.registerFunction(`${name}(double): double`, (value: number) => Math[name](value));
    }
    fc.assert(
      fc.property(formula, fc.integer({ min: -50, max: 50 }), (text, x) => {
        const wanted = at(text, x + 0.25);
        if (!Number.isFinite(wanted)) return;
        expect(cel.evaluate(expressionOf(formulaOf(text)), { x: x + 0.25 })).toBeCloseTo(wanted, 6);
      }),
      { seed: 14, numRuns: 500 },
    );
  });
});
