import { cpus, release } from "node:os";
import { parseArgs } from "node:util";

/** One line of the table. `met` is absent where there is no goal or nothing was measured. */
type Row = {
  readonly part: string;
  readonly what: string;
  readonly measured: number | string;
  readonly unit: string;
  readonly goal: string;
  readonly met: boolean | undefined;
};

/** What a figure must hold. */
type Limit = { readonly atMost: number } | { readonly atLeast: number };
/** Lines of the table, and the figures behind them for the JSON output. */
export type Part = { readonly rows: readonly Row[]; readonly figures: unknown };

/** A figure beside its goal; `unit` says what it counts. */
export function row(part: string, what: string, measured: number, unit: string, limit?: Limit): Row {
  if (limit === undefined) return { part, what, measured, unit, goal: "", met: undefined };
  const isUpper = "atMost" in limit;
  const bound = isUpper ? limit.atMost : limit.atLeast;
  const met = isUpper ? measured <= bound : measured >= bound;
  return { part, what, measured, unit, goal: `${isUpper ? "<=" : ">="} ${formatted(bound)}`, met };
}

function formatted(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

function table(rows: readonly Row[]): string {
  const cells = rows.map(({ part, what, measured, unit, goal, met }) => [
    part,
    what,
    typeof measured === "number" ? formatted(measured) : measured,
    unit,
    goal,
    met === undefined ? "" : met ? "met" : "MISSED",
  ]);
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
