import { alignColumns, cutLine, visibleWidth } from "../text.ts";
import { ageText, type SignalRow } from "./signal-rows.ts";

/** Where there is no room for all, values and what stands behind them get so much, and names the rest. */
const LEAST_VALUE = 8;
const LEAST_MEANING = 6;
const AGE_COLUMNS = 7;
const RATE_COLUMNS = 8;
/** From these widths on there is room for the age, and for the rate. */
const AGE_FROM_COLUMNS = 36;
const RATE_FROM_COLUMNS = 72;

/** A row, and how often it comes. */
export type RatedRow = { readonly row: SignalRow; readonly rate: number | undefined };

/** Rows without a terminal: as wide as they are. */
export function wholeLines(rows: readonly SignalRow[]): readonly string[] {
  return alignColumns(rows.map(({ name, value, meaning, ageMs }) => [name, value, meaning, ageText(ageMs)]));
}

/** Columns for rows on a terminal. They only grow while the terminal stays as wide, so that lines do not jump with every value. */
export class SignalColumns {
  #columns = 0;
  #name = 0;
  #value = 0;
  #meaning = 0;

  /** The heading and a line for each row; none is wider than `columns`. */
  lines(rows: readonly RatedRow[], columns: number): { readonly head: string; readonly lines: readonly string[] } {
    if (columns !== this.#columns) this.#forget(columns);
    const hasRate = columns >= RATE_FROM_COLUMNS;
    const hasAge = columns >= AGE_FROM_COLUMNS;
    this.#fit(rows, columns, (hasAge ? AGE_COLUMNS + 1 : 0) + (hasRate ? RATE_COLUMNS + 1 : 0));
    const line = (name: string, value: string, meaning: string, age: string, rate: string): string => {
      const cells = [
        padded(endOf(name, this.#name), this.#name, false),
        padded(cutLine(value, this.#value), this.#value, true),
        padded(cutLine(meaning, this.#meaning), this.#meaning, false),
        ...(hasRate ? [padded(rate, RATE_COLUMNS, true)] : []),
        ...(hasAge ? [padded(age, AGE_COLUMNS, true)] : []),
      ];
      return cutLine(cells.join(" ").trimEnd(), columns);
    };
    return {
      head: line("signal", "value", "unit", "age", "rate"),
      lines: rows.map(({ row, rate }) => line(row.name, row.value, row.meaning, ageText(row.ageMs), rateText(rate))),
    };
  }

  #forget(columns: number): void {
    this.#columns = columns;
    this.#name = "signal".length;
    this.#value = "value".length;
    this.#meaning = "unit".length;
  }

  #fit(rows: readonly RatedRow[], columns: number, others: number): void {
    // Two gaps stand between the three columns that vary.
    const room = Math.max(0, columns - others - 2);
    const widest = (text: (row: SignalRow) => string): number =>
      rows.reduce((most, { row }) => Math.max(most, visibleWidth(text(row))), 0);
    this.#name = Math.max(
      this.#name,
      widest(({ name }) => name),
    );
    this.#value = Math.max(
      this.#value,
      widest(({ value }) => value),
    );
    this.#meaning = Math.max(
      this.#meaning,
      widest(({ meaning }) => meaning),
    );
    if (this.#name + this.#value + this.#meaning <= room) return;
    this.#value = Math.min(this.#value, Math.max(LEAST_VALUE, Math.floor(room / 3)));
    this.#meaning = Math.min(this.#meaning, Math.max(LEAST_MEANING, Math.floor(room / 5)));
    this.#name = Math.min(this.#name, Math.max(1, room - this.#value - this.#meaning));
  }
}

function rateText(rate: number | undefined): string {
  if (rate === undefined) return "";
  return `${rate < 10 ? rate.toFixed(1) : Math.round(rate)}/s`;
}

/** The end of a name that is too long: the signal's own name is what tells it apart. */
function endOf(name: string, columns: number): string {
  if (visibleWidth(name) <= columns) return name;
  const cells = Array.from(name);
  let kept = "";
  while (cells.length > 0) {
    const next = (cells.pop() ?? "") + kept;
    if (visibleWidth(next) >= columns) break;
    kept = next;
  }
  return columns < 1 ? "" : `…${kept}`;
}

function padded(text: string, columns: number, isRight: boolean): string {
  const spaces = " ".repeat(Math.max(0, columns - visibleWidth(text)));
  return isRight ? spaces + text : text + spaces;
}
