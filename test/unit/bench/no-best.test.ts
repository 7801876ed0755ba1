import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "../../..");
const SOURCES = [
  ...globSync("test/bench/benchmarks/**/*.ts", { cwd: ROOT }),
  ...globSync("scripts/bench-*.ts", { cwd: ROOT }),
  ...globSync("scripts/benchmarks/*.ts", { cwd: ROOT }),
];

/** Picks one of several rounds: by `Math.min(...rounds)` or the first when sorted, or as a bound that each round lowers or raises. */
const PICK =
  /Math\.(?:min|max)\(\.\.\.\w*(?:rounds?|runs?|times|costs?|laps?|tries|results|values)\b|(\b[\w.[\]]+) = (?:\{.*)?Math\.min\(\1|(?:toSorted|sort)\([^)]*\)\[0\]|\bbest\b(?!.*\*\/)/i;

/** Lines that pick, and why that is not the best of several rounds. */
const OTHERS: readonly (readonly [file: string, line: string, why: string])[] = [
  ["test/bench/benchmarks/timing.ts", "return { median: median(values), min:", "beside the median"],
  ["test/bench/benchmarks/campaign-bytes.ts", "range.least = Math.min(", "range of a signal"],
];

function picksOf(file: string): string[] {
  return readFileSync(join(ROOT, file), "utf8")
    .split("\n")
    .filter((line) => PICK.test(line))
    .filter((line) => !OTHERS.some(([where, text]) => where === file && line.includes(text)))
    .map((line) => `${file}: ${line.trim()}`);
}

describe("benchmarks", () => {
  it("take no figure as the best of several rounds", () => {
    expect(SOURCES.length).toBeGreaterThan(30);
    expect(SOURCES.flatMap(picksOf)).toEqual([]);
  });

  it("have each exception that is listed", () => {
    const gone = OTHERS.filter(([file, text]) => !readFileSync(join(ROOT, file), "utf8").includes(text));
    expect(gone).toEqual([]);
  });
});
