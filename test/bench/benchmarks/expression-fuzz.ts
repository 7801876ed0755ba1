import { compileExpression } from "../../../agent/telemetry/expressions/compile.ts";
import { Machine } from "../../../agent/telemetry/expressions/program.ts";
import type { Scope } from "../../../agent/telemetry/expressions/scope.ts";
import { seededRandom } from "../core/seeded-random.ts";

const SCOPE: Scope = new Map([
  ["x", { input: 0, type: "double" }],
  ["flag", { input: 1, type: "bool" }],
  ["bus.can0.state", { input: 2, type: "text", texts: ["error-active", "bus-off"], holds: true }],
]);
const FIT = [
  "x > 3000 && rate(x) < -20.0",
  'max(x, duration("10s")) - min(x, duration("1h30m")) > 2 ? flag : !flag',
  'bus.can0.state in ["bus-off"] || age(x) > 500',
  'increase(x, duration("10s"), 256) / count(x, duration("500ms")) != previous(x)',
  "bit(x, 3) && int(x) % 2 == 1 && pow(abs(x), 0.5) <= sqrt(1e3)",
  "[1, 2, 3].all(i, [4, 5].exists(j, j > i)) && has(x.y)",
  'cel.bind(a, x, a > 1) || "aaaa".matches("(a+)+$")',
  '{1: 2}[1] > 1 && size([1, 2]) > 1 && b"x" == r"\\d" && 5u < 0xFF',
];
const PARTS = [
  ...Array.from("()[]{}!-+*/%<>=&|?:.,\"'\\ \n\t#$@`~^;xyz019eE_uUrRbB\u0000\u00e9\ud800\uffff"),
  "&&",
  "||",
  "==",
  "x",
  "flag",
  "bus.can0.state",
  'duration("10s")',
  "mean(",
  "min(",
  "1.5",
  "99999999999999999999",
  "1e309",
  "true",
  "null",
  "in ",
  "//",
  '"""',
  "__proto__",
  "constructor",
  "toString",
  "((((((((",
  "!!!!!!!!",
  "[[[[[[[[",
  "? x : ",
  "\\U0010FFFF",
];

/** What became of the texts of a run. */
export type FuzzOutcome = {
  readonly texts: number;
  readonly fit: number;
  /** Most processor time that one text took to be compiled and evaluated, ms. */
  readonly slowestMs: number;
  /** What went wrong: a text that made the compiler throw, gave a place outside of it, or evaluated to no number. */
  readonly failures: readonly string[];
};

/** Compiles `count` texts, grown out of expressions by mutation and made of parts at random, and evaluates those that are fit. */
export function fuzzExpressions(count: number, seed: number): FuzzOutcome {
  const random = seededRandom(seed);
  const failures: string[] = [];
  let fit = 0;
  let slowestMs = 0;
  for (let made = 0; made < count; made++) {
    const text = textOf(random);
    const start = process.threadCpuUsage();
    const verdict = tryText(text, random);
    // Time of the processor, since other processes may take it away for longer than any text does.
    const { user, system } = process.threadCpuUsage(start);
    slowestMs = Math.max(slowestMs, (user + system) / 1000);
    if (verdict === "fit") fit += 1;
    else if (verdict !== "unfit") failures.push(`${JSON.stringify(text)}: ${verdict}`);
  }
  return { texts: count, fit, slowestMs, failures };
}

function tryText(text: string, random: () => number): string {
  try {
    const compiled = compileExpression(text, SCOPE, random() < 0.5 ? "condition" : "value");
    if (compiled.kind === "unfit") {
      const { problem, offset } = compiled;
      const isPlaced = Number.isInteger(offset) && offset >= 0 && offset <= text.length && problem !== "";
      return isPlaced ? "unfit" : `"${problem}" at ${offset}`;
    }
    const registers = Float64Array.from(compiled.operands, ({ shown }) => {
      return shown === "number" ? Math.floor(random() * 100) - 50 : Math.floor(random() * 2);
    });
    const result = new Machine(compiled.program.depth).run(compiled.program, registers);
    const isBool = result === 0 || result === 1 || Number.isNaN(result);
    return compiled.type !== "bool" || isBool ? "fit" : `a bool of ${result}`;
  } catch (thrown) {
    return String(thrown);
  }
}

function textOf(random: () => number): string {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)];
  if (random() < 0.2) return Array.from({ length: Math.floor(random() * 60) }, () => pick(PARTS)).join("");
  let text = pick(FIT);
  for (let times = Math.floor(random() * 4); times >= 0; times--) {
    const at = Math.floor(random() * (text.length + 1));
    const to = at + Math.floor(random() * 6);
    const kind = random();
    if (kind < 0.4) text = text.slice(0, at) + pick(PARTS) + text.slice(at);
    else if (kind < 0.7) text = text.slice(0, at) + text.slice(to);
    else if (kind < 0.9) text = text.slice(0, at) + pick(FIT) + text.slice(to);
    else text = text.slice(0, at) + text.slice(at, to).repeat(Math.floor(random() * 400)) + text.slice(to);
  }
  return text;
}
