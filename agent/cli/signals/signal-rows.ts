import { printable } from "../../core/plain-text.ts";
import type { SignalsSnapshot } from "../../local-api/signals-schema.ts";
import { exactNameOf } from "../../signals/message-name.ts";
import { shownValue } from "../../signals/shown-precision.ts";
import { matchesPattern } from "../../signals/signal-patterns.ts";

/** What a list of signals can be in the order of. */
export const SIGNAL_ORDERS = ["name", "age", "value", "rate"] as const;
export type SignalOrder = (typeof SIGNAL_ORDERS)[number];

/** One signal as a person reads it. */
export type SignalRow = {
  /** "MESSAGE.SIGNAL", with the id where names alone do not tell it apart, and with its sender; "CAMPAIGN/NAME" of a derived signal. */
  readonly name: string;
  readonly value: string;
  /** NaN for what is no number. */
  readonly number: number;
  /** The text of the value where it has one, otherwise its unit. */
  readonly meaning: string;
  readonly ageMs: number;
  /** Samples since the start of the agent; undefined where nobody counts them. */
  readonly count: number | undefined;
};

type Latest = SignalsSnapshot["signals"][number];

/** Significant digits of what campaigns work out. */
const DERIVED_DIGITS = 7;

/** The rows of one look, in the order in which the agent has them: of the DBC files, then of the campaigns. */
export function signalRows(current: SignalsSnapshot): readonly SignalRow[] {
  const messageOf = messageNames(current);
  const rows = current.signals.map((signal): SignalRow => {
    const { physical, state, text, unit, ageMs, count } = signal;
    return {
      name: printable(`${messageOf(signal)}.${signal.name}${sender(signal)}`),
      value: physical === undefined ? `${state}` : valueText(physical, precisionOf(signal)),
      number: Number(physical ?? Number.NaN),
      meaning: meaning(text, unit),
      ageMs,
      count,
    };
  });
  const derived = current.derived.map(({ campaign, name, value, unit, ageMs }): SignalRow => {
    const shown = valueText(value, { digits: DERIVED_DIGITS });
    const named = printable(`${campaign}/${name}`);
    return { name: named, value: shown, number: Number(value), meaning: meaning("", unit), ageMs, count: undefined };
  });
  return [...rows, ...derived];
}

/** The rows whose name, value, text or unit has `filter` in it, whatever its case; a '*' stands for anything between. */
export function filteredRows(rows: readonly SignalRow[], filter: string): readonly SignalRow[] {
  if (filter === "") return rows;
  const within = `*${filter.toLowerCase()}*`;
  return rows.filter(({ name, value, meaning }) => matchesPattern(within, `${name} ${value} ${meaning}`.toLowerCase()));
}

/** The rows in order: names A to Z, the newest, largest or most frequent first; as they come without an order. Equal ones stay as they were. */
export function sortedRows(
  rows: readonly SignalRow[],
  order: SignalOrder | undefined,
  rateOf: (row: SignalRow) => number | undefined,
): readonly SignalRow[] {
  if (order === undefined) return rows;
  if (order === "name") return rows.toSorted((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)));
  if (order === "age") return rows.toSorted((a, b) => a.ageMs - b.ageMs);
  const key = order === "value" ? ({ number }: SignalRow) => number : rateOf;
  const keyOf = (row: SignalRow): number => {
    const value = key(row);
    return value === undefined || Number.isNaN(value) ? Number.NEGATIVE_INFINITY : value;
  };
  return rows.toSorted((a, b) => compare(keyOf(b), keyOf(a)));
}

/** "12 ms", "3.4 s", "5 min". */
export function ageText(ageMs: number): string {
  if (ageMs < 1000) return `${Math.round(ageMs)} ms`;
  return ageMs < 120_000 ? `${(ageMs / 1000).toFixed(1)} s` : `${Math.round(ageMs / 60_000)} min`;
}

function compare(a: number, b: number): number {
  return a === b ? 0 : a - b;
}

function precisionOf({ decimals, digits }: Latest): Parameters<typeof shownValue>[1] {
  if (decimals !== undefined) return { decimals };
  return { digits: digits ?? DERIVED_DIGITS };
}

/** Of a text the value is beyond float64, or no number: it is shown as it is. */
function valueText(value: number | string, precision: Parameters<typeof shownValue>[1]): string {
  return typeof value === "string" ? printable(value) : shownValue(value, precision);
}

function meaning(text: string | undefined, unit: string): string {
  return printable(text === undefined || text === "" ? unit : `"${text}"`);
}

/** Names of the messages, with their ids where one bus has several of a name with such a signal. */
function messageNames({ signals }: SignalsSnapshot): (signal: Latest) => string {
  const exact = new Map<string, Set<string>>();
  const of = ({ bus, message, name }: Latest): string => `${bus}/${message}.${name}`;
  const exactOf = ({ message, id, extended }: Latest): string => exactNameOf({ name: message, id, extended });
  for (const signal of signals) exact.set(of(signal), (exact.get(of(signal)) ?? new Set()).add(exactOf(signal)));
  return (signal) => ((exact.get(of(signal))?.size ?? 1) > 1 ? exactOf(signal) : signal.message);
}

/** Who sends it, where that is told apart: "from 0x00 to 0x21". */
function sender({ source, destination }: Latest): string {
  const text = (address: number): string => `0x${address.toString(16).padStart(2, "0")}`;
  if (source === undefined) return "";
  return ` from ${text(source)}${destination === undefined ? "" : ` to ${text(destination)}`}`;
}
