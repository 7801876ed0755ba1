import { cpus, release } from "node:os";
import { parseArgs } from "node:util";
import type { Spread } from "../../test/bench/benchmarks/timing.ts";

/** One line of the table. `min` and `max` are there for the median of several rounds; `met` is absent where there is no goal or nothing was measured. */
type Row = {
  readonly part: string;
  readonly what: string;
  readonly measured: number | string;
  readonly min?: number;
  readonly max?: number;
  readonly unit: string;
  readonly goal: string;
  readonly met: boolean | undefined;
};

/** What a figure must hold. */
type Limit = { readonly atMost: number } | { readonly atLeast: number };
/** Lines of the table, and the figures behind them for the JSON output. */
export type Part = { readonly rows: readonly Row[]; readonly figures: unknown };

/** A figure beside its goal; `unit` says what it counts. Of several rounds the median is held to the goal, and their range is shown: never the best. */
export function row(part: string, what: string, figure: number | Spread, unit: string, limit?: Limit): Row {
  const measured = typeof figure === "number" ? figure : figure.median;
  const range = typeof figure === "number" ? {} : { min: figure.min, max: figure.max };
  if (limit === undefined) return { part, what, measured, ...range, unit, goal: "", met: undefined };
  const isUpper = "atMost" in limit;
  const bound = isUpper ? limit.atMost : limit.atLeast;
  const met = isUpper ? measured <= bound : measured >= bound;
  return { part, what, measured, ...range, unit, goal: `${isUpper ? "<=" : ">="} ${formatted(bound)}`, met };
}

function formatted(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

/** "3.10 (2.95 to 3.42)": the median, and the least and most of the rounds. */
function shown({ measured, min, max }: Row): string {
  if (typeof measured === "string") return measured;
  const middle = formatted(measured);
  return min === undefined || max === undefined ? middle : `${middle} (${formatted(min)} to ${formatted(max)})`;
}

function table(rows: readonly Row[]): string {
  const cells = rows.map((one) => {
    const { part, what, unit, goal, met } = one;
    return [part, what, shown(one), unit, goal, met === undefined ? "" : met ? "met" : "MISSED"];
  });
  const all = [["part", "what", "measured", "unit", "goal", ""], ...cells];
  const widths = all[0].map((_, column) => Math.max(...all.map((line) => line[column].length)));
  return all
    .map((line) =>
      line
        .map((cell, at) => cell.padEnd(widths[at]))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** A program that measures its parts, or one of them, and prints a table or JSON; gives its exit code. `help` names the parts; `args` are those that it does not know itself. */
export async function printFigures(
  parts: Readonly<Record<string, () => Part | Promise<Part>>>,
  help: string,
  args: readonly string[] = process.argv.slice(2),
): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { json: { type: "boolean" }, only: { type: "string" }, help: { type: "boolean", short: "h" } },
  });
  if (values.help === true) {
    process.stdout.write(help);
    return 0;
  }
  const names = values.only === undefined ? Object.keys(parts) : [values.only];
  const rows: Row[] = [];
  const figures: Record<string, unknown> = {};
  for (const name of names) {
    const part = parts[name];
    if (part === undefined) {
      process.stderr.write(`unknown part ${name}; there are ${Object.keys(parts).join(", ")}\n`);
      return 64;
    }
    process.stderr.write(`measuring ${name} ...\n`);
    const measured = await part();
    rows.push(...measured.rows);
    figures[name] = measured.figures;
  }
  const machine = { cpu: cpus()[0].model, cores: cpus().length, node: process.version, kernel: release() };
  if (values.json === true) {
    process.stdout.write(`${JSON.stringify({ schemaVersion: 1, machine, ...figures, goals: rows })}\n`);
  } else {
    process.stdout.write(`${machine.cpu}, ${machine.cores} cores, node ${machine.node}, Linux ${machine.kernel}\n\n`);
    process.stdout.write(`${table(rows)}\n`);
  }
  return 0;
}
