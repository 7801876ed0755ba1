import type { VssName } from "../../signals/signal-entry.ts";
import { textPairs, type ValueTexts, valueTexts } from "../../signals/value-texts.ts";
import type { MoreTexts, RecordBody, RecordSignal } from "../../telemetry/record/read/decoded-record.ts";

/** One part of a signal table, as a table record holds it. */
export type TableBody = Extract<RecordBody, { kind: "table" }>;

/** A signal table as far as its parts are known. Tables of two things are two tables, even with one id: a thing speaks for itself alone. */
export type RecordTable = {
  readonly id: string;
  /** Signals of the whole table. */
  readonly total: number;
  /** By index, with all texts and names that are known. */
  readonly signals: ReadonlyMap<number, RecordSignal>;
  /** Of signals whose own part has not come yet. */
  readonly moreTexts: readonly MoreTexts[];
  readonly vssRelease: string | undefined;
};

/** Whether each signal is known. Texts of a signal that has very many may still be on their way: nothing says how many parts there are. */
export function isWhole({ total, signals }: RecordTable): boolean {
  return signals.size >= total;
}

/**
 * The table with one more part; in any order, and the same part again changes nothing. Undefined `table` begins one. The result has the
 * total of the first part.
 */
export function withPart(table: RecordTable | undefined, part: TableBody): RecordTable {
  const { id, total, vssRelease, moreTexts = [] } = part;
  const known = table ?? { id, total, signals: new Map<number, RecordSignal>(), moreTexts: [], vssRelease };
  const signals = new Map(known.signals);
  for (const signal of part.signals) signals.set(signal.index, withTexts(signal, signals.get(signal.index)));
  const waiting: MoreTexts[] = [];
  for (const more of [...known.moreTexts, ...moreTexts]) {
    const signal = signals.get(more.signal);
    if (signal === undefined) waiting.push(more);
    else signals.set(more.signal, withTexts(signal, textsFor(signal, more)));
  }
  return { ...known, signals, moreTexts: waiting, vssRelease: known.vssRelease ?? vssRelease };
}

type Texts = { readonly texts?: ValueTexts | undefined; readonly vss: readonly VssName[] };

/** Texts of raw values that were read as signed, as those of `signal` are. */
function textsFor({ bits, signed }: RecordSignal, { texts, vss }: MoreTexts): Texts {
  if (signed || bits < 64) return { texts, vss };
  return { texts: asUnsigned(texts), vss: vss.map(unsignedName) };
}

function unsignedName(name: VssName): VssName {
  if (name.value.kind !== "values") return name;
  return { ...name, value: { kind: "values", values: asUnsigned(name.value.values) ?? name.value.values } };
}

function asUnsigned(texts: ValueTexts | undefined): ValueTexts | undefined {
  return valueTexts(
    textPairs(texts).map(([raw, text]) => [raw < 0 ? BigInt.asUintN(64, BigInt(raw)) : raw, text] as const),
  );
}

function withTexts(signal: RecordSignal, other: Texts | undefined): RecordSignal {
  if (other === undefined) return signal;
  const texts = valueTexts([...textPairs(signal.texts), ...textPairs(other.texts)]);
  const vss = new Map(signal.vss.map((name) => [name.path, name]));
  for (const name of other.vss) vss.set(name.path, joined(vss.get(name.path), name));
  return { ...signal, texts, vss: [...vss.values()] };
}

function joined(known: VssName | undefined, more: VssName): VssName {
  if (known?.value.kind !== "values" || more.value.kind !== "values") return known ?? more;
  const values = valueTexts([...textPairs(known.value.values), ...textPairs(more.value.values)]);
  return values === undefined ? known : { ...known, value: { kind: "values", values } };
}
