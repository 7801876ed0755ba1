import { Environment } from "@marcbachmann/cel-js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Machine } from "../../../../agent/telemetry/expressions/program.ts";
import { expressionOf } from "./board.ts";

const SEED = 20_261_131;

/** An expression as people may write it, and as cel-js takes it: every double with a point. */
type Written = { readonly ours: string; readonly cel: string };

const VARIABLES = ["x", "y", "z"] as const;

function joined(op: string, left: Written, right: Written): Written {
  return { ours: `(${left.ours} ${op} ${right.ours})`, cel: `(${left.cel} ${op} ${right.cel})` };
}

function chosen(condition: Written, yes: Written, no: Written): Written {
  return { ours: `(${condition.ours} ? ${yes.ours} : ${no.ours})`, cel: `(${condition.cel} ? ${yes.cel} : ${no.cel})` };
}

const wrapped = (before: string, { ours, cel }: Written): Written => ({
  ours: `${before}(${ours})`,
  cel: `${before}(${cel})`,
});
const same = (text: string): Written => ({ ours: text, cel: text });

/** Parts of each type. A double always holds a variable, so that its whole literals are doubles for us as they are in `cel`. */
const { bool, number } = fc.letrec<{ bool: Written; number: Written; int: Written }>((tie) => ({
  number: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    fc.constantFrom(...VARIABLES.map(same)),
    fc.constantFrom(...VARIABLES.map(same)),
    fc
      .tuple(fc.constantFrom("+", "-", "*", "/"), tie("number"), fc.integer({ min: -9, max: 9 }), fc.boolean())
      .map(([op, term, literal, isLeft]) => {
        const two = { ours: `${literal}`, cel: `${literal}.0` };
        return isLeft ? joined(op, two, term) : joined(op, term, two);
      }),
    fc
      .tuple(fc.constantFrom("+", "-", "*", "/"), tie("number"), tie("number"))
      .map(([op, left, right]) => joined(op, left, right)),
    tie("number").map((term) => wrapped("-", term)),
    fc.tuple(tie("bool"), tie("number"), tie("number")).map(([condition, yes, no]) => chosen(condition, yes, no)),
    tie("int").map((term) => wrapped("double", term)),
  ),
  int: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    fc.integer({ min: -9, max: 9 }).map((value) => same(`${value}`)),
    fc.constantFrom(...VARIABLES.map((name) => wrapped("int", same(name)))),
    fc
      .tuple(fc.constantFrom("+", "-", "*", "/", "%"), tie("int"), tie("int"))
      .map(([op, left, right]) => joined(op, left, right)),
    tie("int").map((term) => wrapped("-", term)),
    tie("number").map((term) => wrapped("int", term)),
    fc.tuple(tie("bool"), tie("int"), tie("int")).map(([condition, yes, no]) => chosen(condition, yes, no)),
  ),
  bool: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    fc.boolean().map((value) => same(`${value}`)),
    fc
      .tuple(fc.constantFrom("<", "<=", ">", ">=", "==", "!="), tie("number"), tie("number"))
      .map(([op, left, right]) => joined(op, left, right)),
    fc
      .tuple(fc.constantFrom("<", "<=", ">", ">=", "==", "!="), tie("int"), tie("int"))
      .map(([op, left, right]) => joined(op, left, right)),
    fc.tuple(fc.constantFrom("<", ">="), tie("int"), tie("number")).map(([op, left, right]) => joined(op, left, right)),
    fc.tuple(fc.constantFrom("&&", "||"), tie("bool"), tie("bool")).map(([op, left, right]) => joined(op, left, right)),
    tie("bool").map((term) => wrapped("!", term)),
    fc.tuple(tie("int"), tie("int"), tie("int")).map(([value, a, b]) => ({
      ours: `(${value.ours} in [${a.ours}, ${b.ours}])`,
      cel: `(${value.cel} in [${a.cel}, ${b.cel}])`,
    })),
  ),
}));

const environment = new Environment({ unlistedVariablesAreDyn: false });
for (const name of VARIABLES) environment.registerVariable(name, "double");

/** What cel-js gives, as we write it: bools 1 and 0, undefined for an error. */
function byCel(text: string, values: Readonly<Record<string, number>>): number | undefined {
  const parsed = environment.parse(text);
  const checked = parsed.check();
  if (!checked.valid) throw new Error(`${text}: ${checked.error?.message}`);
  try {
    return Number(parsed(values));
  } catch {
    return undefined;
  }
}

function byUs(text: string, want: "condition" | "value", given: Readonly<Record<string, number>>): number {
  const { program, operands } = expressionOf(text, want);
  const registers = Float64Array.from(operands, ({ name }) => given[name]);
  return new Machine(program.depth).run(program, registers);
}

const values = fc.record({
  x: fc.integer({ min: -20, max: 20 }),
  y: fc.double({ min: -1e4, max: 1e4, noNaN: true }),
  z: fc.constantFrom(0, 1, 0.5, -1.5, 255, 4096),
});

describe("programs against cel-js 8.0.0, an implementation of CEL by others", () => {
  it(`gives what it gives, and nothing only where a part of it is no finite number (seed ${SEED})`, () => {
    const counts = { equal: 0, nothing: 0 };
    const compare = (
      { ours, cel }: Written,
      want: "condition" | "value",
      given: Readonly<Record<string, number>>,
    ): void => {
      const result = byUs(ours, want, given);
      if (Number.isNaN(result)) {
        counts.nothing += 1;
        return;
      }
      counts.equal += 1;
      expect({ ours, result: result + 0 }).toEqual({ ours, result: (byCel(cel, given) ?? Number.NaN) + 0 });
    };
    fc.assert(
      fc.property(bool, values, (written, given) => compare(written, "condition", given)),
      { seed: SEED, numRuns: 5000 },
    );
    fc.assert(
      fc.property(number, values, (written, given) => {
        // A constant reads nothing, and is refused.
        if (/[xyz]/.test(written.ours)) compare(written, "value", given);
      }),
      { seed: SEED, numRuns: 5000 },
    );
    expect(counts.equal).toBeGreaterThan(7000);
    expect(counts.nothing).toBeGreaterThan(100);
  });

  it.each([
    ["x / z == 1.0", Number.NaN],
    ["x / z == 1.0 || y > 0", 1],
    ["x / z == 1.0 && y < 0", 0],
    ["x / z == 1.0 ? true : true", Number.NaN],
    ["y > 0 ? true : x / z == 1.0", 1],
    ["1 / int(z) == 1", Number.NaN],
    ["pow(x, 400) > 0", Number.NaN],
    ["log(z) < 0", Number.NaN],
    ["sqrt(0 - y) > 0", Number.NaN],
    ["int(y * 1e300) > 0", Number.NaN],
    ["!(x / z > 1.0)", Number.NaN],
    ["x in [7, x / z]", Number.NaN],
    ["x in [8, 7]", 1],
    ["8 in [x / z, 7.0]", Number.NaN],
    ["bit(x, 0) && bit(x, 1) && bit(x, 2) && !bit(x, 3) && !bit(x, 60)", 1],
    ["bit(y + 0.5, 0)", Number.NaN],
    ["round(2.5 * z + 2.5) == 3 && round(0.49999999999999994 + z) == 0 && round(-2.5 + z) == -3", 1],
    ["min(x, 3) == 3 && max(x, y) == 20 && abs(-x) == 7 && abs(-3) / 2 == 1", 1],
    ["ceil(x / 2) == 4 && floor(x / 2) == 3 && sqrt(y + 5) == 5 && log(z + 1) == 0", 1],
    ["7 / 2 == 3 && 1 / 2 * x == 3.5 && double(7 / 2) == 3 && -7 % 3 == -1", 1],
    ["x - (y - x) == -6", 1],
  ])("%s is %d for x = 7, y = 20, z = 0", (text, result) => {
    expect(byUs(text, "condition", { x: 7, y: 20, z: 0 })).toBe(result);
  });

  it("has no -0 among whole numbers", () => {
    expect(Object.is(byUs("int(x)", "value", { x: -0.5 }), 0)).toBe(true);
  });
});
