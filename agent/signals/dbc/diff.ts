import { idKey } from "../../ports/arbitration-id.ts";
import { textPairs, type ValueTexts } from "../value-texts.ts";
import { idText, presenceText, scaleText } from "./field-texts.ts";
import type { DbcDatabase, DbcMessage, DbcSignal } from "./model.ts";

/** A field that is not the same; what is absent is an empty text. */
export type DbcChange = { readonly field: string; readonly before: string; readonly after: string };

/** What became of the signals of a message, in the order of the files. */
export type SignalDifference =
  | { readonly kind: "added" | "removed"; readonly signal: DbcSignal }
  | { readonly kind: "changed"; readonly name: string; readonly changes: readonly DbcChange[] };

/** What became of a message. One with another id counts as the same where its name is. */
export type MessageDifference =
  | { readonly kind: "added" | "removed"; readonly message: DbcMessage }
  | {
      readonly kind: "changed";
      readonly message: DbcMessage;
      readonly changes: readonly DbcChange[];
      readonly signals: readonly SignalDifference[];
    };

type Fields = Readonly<Record<string, string>>;

/** What is not the same in two databases, by arbitration id: those of 11 bits first. Where in its file something stands does not count. */
export function diffDatabases(before: DbcDatabase, after: DbcDatabase): readonly MessageDifference[] {
  const pairs = pairMessages(before.messages, after.messages);
  const found = pairs.flatMap(([old, fresh]): readonly MessageDifference[] => {
    if (old === undefined) return fresh === undefined ? [] : [{ kind: "added", message: fresh }];
    if (fresh === undefined) return [{ kind: "removed", message: old }];
    const changes = changesIn(messageFields(old), messageFields(fresh));
    const signals = diffSignals(old.signals, fresh.signals);
    return changes.length + signals.length === 0 ? [] : [{ kind: "changed", message: fresh, changes, signals }];
  });
  return found.toSorted((a, b) => keyOf(a.message) - keyOf(b.message));
}

function keyOf({ id, extended }: DbcMessage): number {
  return idKey(id, extended);
}

type Pair<T> = readonly [before: T | undefined, after: T | undefined];

/** The same by one key, or else by another that both have once. */
function pairBy<T>(
  before: readonly T[],
  after: readonly T[],
  keys: readonly ((one: T) => string)[],
): readonly Pair<T>[] {
  let [old, fresh] = [before, after];
  const pairs: Pair<T>[] = [];
  for (const keyOf of keys) {
    const byKey = uniqueBy(fresh, keyOf);
    const own = uniqueBy(old, keyOf);
    for (const [key, one] of own) {
      const other = byKey.get(key);
      if (other !== undefined) pairs.push([one, other]);
    }
    const paired = new Set(pairs.flat());
    old = old.filter((one) => !paired.has(one));
    fresh = fresh.filter((one) => !paired.has(one));
  }
  return [...pairs, ...old.map((one) => [one, undefined] as const), ...fresh.map((one) => [undefined, one] as const)];
}

function uniqueBy<T>(all: readonly T[], keyOf: (one: T) => string): ReadonlyMap<string, T> {
  const groups = Map.groupBy(all, keyOf);
  return new Map(
    [...groups].flatMap(([key, [first, ...others]]) => (others.length === 0 && first ? [[key, first]] : [])),
  );
}

function pairMessages(before: readonly DbcMessage[], after: readonly DbcMessage[]): readonly Pair<DbcMessage>[] {
  return pairBy(before, after, [(message) => String(keyOf(message)), ({ name }) => name]);
}

/** A signal with another name is the same where nothing but that changed. */
function diffSignals(before: readonly DbcSignal[], after: readonly DbcSignal[]): readonly SignalDifference[] {
  const withBranch = (signal: DbcSignal): string => `${signal.name} ${presenceText(signal)}`;
  const pairs = pairBy(before, after, [withBranch, ({ name }) => name, layoutText]);
  const place = (signal: DbcSignal | undefined): number => {
    const at = after.findIndex((one) => one === signal);
    return at < 0 ? after.length : at;
  };
  const ordered = pairs.toSorted(([, a], [, b]) => place(a) - place(b));
  return ordered.flatMap(([old, fresh]): readonly SignalDifference[] => {
    if (old === undefined) return fresh === undefined ? [] : [{ kind: "added", signal: fresh }];
    if (fresh === undefined) return [{ kind: "removed", signal: old }];
    const changes = [...changesIn(signalFields(old), signalFields(fresh)), ...textChanges(old.choices, fresh.choices)];
    return changes.length === 0 ? [] : [{ kind: "changed", name: old.name, changes }];
  });
}

function changesIn(before: Fields, after: Fields): readonly DbcChange[] {
  return Object.keys(before).flatMap((field) => {
    const [old, fresh] = [before[field] ?? "", after[field] ?? ""];
    return old === fresh ? [] : [{ field, before: old, after: fresh }];
  });
}

function messageFields(message: DbcMessage): Fields {
  const { name, length, fd, pgn, cycleMs, sender, comment } = message;
  return {
    name,
    id: idText(message),
    length: `${length} bytes`,
    format: fd ? "CAN FD" : "CAN",
    "known by": pgn === undefined ? "id" : `PGN ${pgn}`,
    cycle: cycleMs === undefined ? "" : `${cycleMs} ms`,
    sender,
    comment,
  };
}

function signalFields(signal: DbcSignal): Fields {
  const { name, minimum, maximum, unit, receivers, comment, spn, multiplexer } = signal;
  return {
    name,
    layout: layoutText(signal),
    scale: scaleText(signal),
    range: minimum === 0 && maximum === 0 ? "" : `${minimum}..${maximum}`,
    unit,
    present: presenceText(signal),
    multiplexer: multiplexer ? "yes" : "no",
    receivers: receivers.toSorted().join(" "),
    SPN: spn === undefined ? "" : String(spn),
    comment,
  };
}

function layoutText({ startBit, bits, byteOrder, kind, signed }: DbcSignal): string {
  return `${startBit}|${bits} ${kind === "integer" ? (signed ? "signed" : "unsigned") : kind} ${byteOrder}`;
}

/** One change a raw value, named "text of 3". */
function textChanges(before: ValueTexts | undefined, after: ValueTexts | undefined): readonly DbcChange[] {
  const old = new Map(textPairs(before));
  const fresh = new Map(textPairs(after));
  const raws = [...new Set([...old.keys(), ...fresh.keys()])].sort((a, b) => (a < b ? -1 : 1));
  return raws.flatMap((raw) => {
    const [was, is] = [old.get(raw), fresh.get(raw)];
    return was === is ? [] : [{ field: `text of ${raw}`, before: quoted(was), after: quoted(is) }];
  });
}

function quoted(text: string | undefined): string {
  return text === undefined ? "" : `"${text}"`;
}
