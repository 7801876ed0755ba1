import { createHash } from "node:crypto";
import type { SignalEntry, VssName } from "./signal-entry.ts";
import { textsKey, type ValueTexts } from "./value-texts.ts";

/**
 * The id of a table: hashes what a reader of records needs to know of each column, as JSON arrays in the order of the table. What only some
 * signals have is part of it only where it is there, so that a table without keeps the id that it had before such things were known.
 */
export function tableId(signals: readonly SignalEntry[], vssRelease?: string): string {
  const hash = createHash("sha256");
  if (vssRelease !== undefined) hash.update(`VSS ${vssRelease}\n`);
  const keyOf = textKeys();
  for (const signal of signals) {
    const { bus, message, arbitrationId, extended, name, unit, factor, offset, kind, signed, bits, pgn } = signal;
    const facts = [bus, message, arbitrationId, extended, name, unit, factor, offset, kind, signed, bits];
    const extras = extrasOf(signal, keyOf);
    if (extras !== undefined) hash.update(JSON.stringify([...facts, pgn ?? null, extras]));
    else hash.update(JSON.stringify(pgn === undefined ? facts : [...facts, pgn]));
    hash.update("\n");
  }
  return hash.digest("hex").slice(0, 16);
}

type KeyOf = (texts: ValueTexts | undefined) => string | undefined;

/** What only some signals have: what people and other models call it and its values, how a campaign works it out; undefined where there is nothing of it. */
function extrasOf({ texts, states, spn, vss, aggregate, windowUs, expression }: SignalEntry, keyOf: KeyOf): unknown {
  const given = [texts, states, spn, aggregate, windowUs, expression];
  if (vss.length === 0 && given.every((fact) => fact === undefined)) return undefined;
  const names = { texts: keyOf(texts), states, spn, vss: vss.map((name) => vssFacts(name, keyOf)) };
  return { ...names, aggregate, windowUs, expression };
}

function vssFacts({ path, unit, value }: VssName, keyOf: KeyOf): unknown {
  switch (value.kind) {
    case "linear":
      return [path, unit, value.factor, value.offset];
    case "values":
      return [path, unit, keyOf(value.values)];
    case "expression":
      return [path, unit, { expression: value.expression }];
  }
}

/** Many signals share their texts: each is written out once. */
function textKeys(): KeyOf {
  const keys = new Map<ValueTexts, string>();
  return (texts) => {
    if (texts === undefined) return undefined;
    const key = keys.get(texts) ?? textsKey(texts);
    keys.set(texts, key);
    return key;
  };
}
