import { ProblemList } from "../dbc/draft.ts";
import { DEFAULT_INTERVAL_MS, MAX_INTERVAL_MS, type Mapping, type MappingEntry } from "./mapping.ts";

/** Columns by their names in the first line. */
const REQUIRED = ["signal", "vss_path"] as const;
const COLUMNS = [...REQUIRED, "unit", "factor", "offset", "interval_ms", "on_change"] as const;
type Column = (typeof COLUMNS)[number];

/** Columns that `dbc map` writes for people. */
const REMARKS: ReadonlySet<string> = new Set(["confidence", "remark", "datatype", "dbc_unit"]);
/** Rows of one file; the rest is refused. */
const MAX_ROWS = 50_000;

/** A field, and its offset in the file. */
type Field = { readonly text: string; readonly at: number };
type Row = { readonly fields: readonly Field[]; readonly at: number };

/**
 * A mapping as CSV (RFC 4180): a first line with names of columns, then `signal` and `vss_path`, and where wanted `unit` (in VSS), `factor` and
 * `offset` (VSS value = physical value * factor + offset; instead of what the units say), `interval_ms` and `on_change`. Lines that begin with
 * '#' are remarks; ';' separates where the first line has no ','.
 */
export function readCsvMapping(text: string): Mapping {
  const problems = new ProblemList(text);
  const [header, ...rows] = rowsOf(text, problems);
  const columns = header === undefined ? undefined : columnsOf(header, problems);
  if (header === undefined) problems.error(0, "there is nothing in it");
  if (columns === undefined) return { entries: [], problems };
  if (rows.length > MAX_ROWS) problems.error(rows[MAX_ROWS].at, `more than ${MAX_ROWS} rows`);
  const entries = rows.slice(0, MAX_ROWS).flatMap((row) => entryOf(row, columns, problems));
  return { entries, problems };
}

function columnsOf({ fields, at }: Row, problems: ProblemList): ReadonlyMap<Column, number> | undefined {
  const columns = new Map<Column, number>();
  fields.forEach((field, index) => {
    const column = COLUMNS.find((known) => known === field.text.trim());
    if (column !== undefined) columns.set(column, index);
    else if (!REMARKS.has(field.text.trim())) {
      problems.error(field.at, `unknown column ${field.text}; there are ${COLUMNS.join(", ")}`);
    }
  });
  const missing = REQUIRED.filter((name) => !columns.has(name));
  if (missing.length > 0)
    problems.error(at, `the first line must name the columns; ${missing.join(" and ")} is missing`);
  return problems.errors.length > 0 ? undefined : columns;
}

function entryOf(row: Row, columns: ReadonlyMap<Column, number>, problems: ProblemList): readonly MappingEntry[] {
  const reader = new RowReader(row, columns, problems);
  const signal = reader.text("signal");
  const path = reader.text("vss_path");
  if (signal === "" || path === "") {
    problems.error(row.at, `${signal === "" ? "signal" : "vss_path"}: is empty`);
    return [];
  }
  const factor = reader.number("factor");
  const offset = reader.number("offset");
  const onChange = reader.flag("on_change");
  const intervalMs = reader.number("interval_ms") ?? (onChange ? 0 : DEFAULT_INTERVAL_MS);
  if (intervalMs < 0 || intervalMs > MAX_INTERVAL_MS) {
    problems.error(row.at, `interval_ms: ${intervalMs} is not 0 to ${MAX_INTERVAL_MS}`);
  }
  if (reader.isBad) return [];
  const isGiven = factor !== undefined || offset !== undefined;
  const unit = reader.text("unit");
  return [
    {
      signal,
      path,
      unit: unit === "" ? undefined : unit,
      datatype: undefined,
      transform: isGiven ? { kind: "linear", factor: factor ?? 1, offset: offset ?? 0 } : { kind: "none" },
      intervalMs,
      onChange,
      at: row.at,
    },
  ];
}

/** The fields of a row by column; what is wrong with one is told. */
class RowReader {
  isBad = false;
  readonly #row: Row;
  readonly #columns: ReadonlyMap<Column, number>;
  readonly #problems: ProblemList;

  constructor(row: Row, columns: ReadonlyMap<Column, number>, problems: ProblemList) {
    this.#row = row;
    this.#columns = columns;
    this.#problems = problems;
  }

  text(column: Column): string {
    return this.#field(column)?.text.trim() ?? "";
  }

  number(column: Column): number | undefined {
    const text = this.text(column);
    if (text === "") return undefined;
    const value = Number(text);
    if (/^[-+.\deE]+$/.test(text) && Number.isFinite(value)) return value;
    return this.#refuse(column, `${text} is no number`);
  }

  flag(column: Column): boolean {
    const text = this.text(column);
    if (text !== "" && text !== "true" && text !== "false") this.#refuse(column, `${text} is not true or false`);
    return text === "true";
  }

  #field(column: Column): Field | undefined {
    const index = this.#columns.get(column);
    return index === undefined ? undefined : this.#row.fields[index];
  }

  #refuse(column: Column, problem: string): undefined {
    this.isBad = true;
    this.#problems.error(this.#field(column)?.at ?? this.#row.at, `${column}: ${problem}`);
  }
}

/** The rows that hold something. */
function rowsOf(text: string, problems: ProblemList): readonly Row[] {
  const start = text.startsWith("\uFEFF") ? 1 : 0;
  const first = /^[^\n]*/.exec(text.slice(start))?.[0] ?? "";
  const separator = !first.includes(",") && first.includes(";") ? ";" : ",";
  const rows: Row[] = [];
  for (let at = start; at < text.length; ) {
    if (text[at] === "#") {
      at = lineEnd(text, at) + 1;
      continue;
    }
    const { fields, end } = readRow(text, at, separator, problems);
    if (fields.some((field) => field.text.trim() !== "")) rows.push({ fields, at });
    at = end;
  }
  return rows;
}

function readRow(text: string, from: number, separator: string, problems: ProblemList) {
  const fields: Field[] = [];
  for (let at = from; ; at += 1) {
    const { field, end } = readField(text, at, separator, problems);
    fields.push(field);
    at = end;
    if (text[at] !== separator) return { fields, end: at + 1 };
  }
}

/** One field; `end` is its separator, or the end of its line. */
function readField(text: string, at: number, separator: string, problems: ProblemList) {
  if (text[at] === '"') {
    const close = closingQuote(text, at);
    if (close >= 0) {
      const end = endOfField(text, close + 1, separator);
      const behind = text.slice(close + 1, end).trim();
      if (behind !== "") problems.error(close + 1, `'${behind.slice(0, 20)}' stands behind a closing quote`);
      return { field: { text: text.slice(at + 1, close).replaceAll('""', '"'), at }, end };
    }
    problems.error(at, "the quote is never closed");
  }
  const end = endOfField(text, at, separator);
  return { field: { text: text.slice(at, end), at }, end };
}

function closingQuote(text: string, open: number): number {
  let at = text.indexOf('"', open + 1);
  while (at >= 0 && text[at + 1] === '"') at = text.indexOf('"', at + 2);
  return at;
}

function endOfField(text: string, from: number, separator: string): number {
  const line = text.slice(from, lineEnd(text, from));
  const next = line.indexOf(separator);
  return from + (next < 0 ? line.length : next);
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  return end < 0 ? text.length : end;
}
