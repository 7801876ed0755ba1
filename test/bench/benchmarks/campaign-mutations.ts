import type { Dice, Json } from "./campaign-grammar.ts";

/** A place in a document: a list or map, and a key of it. */
type Place = { readonly above: Json[] | { [key: string]: Json }; readonly key: string };

const KEYS = [
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "id",
  "mode",
  "signals",
  "",
  "ключ",
  "\u0000",
  "0",
];
const WORDS = [
  "default",
  "__proto__",
  "constructor.prototype",
  ".",
  "*",
  "*".repeat(256),
  "*a".repeat(128),
  "*.*",
  "a/b@0x.c",
  "@0xfffffffff.x",
  "can0/",
  "Vehicle.Speed",
  "\ud800",
  "\u0000",
  "\u202e\u{1f600}",
  "x".repeat(5000),
  "9999-12-31T23:59:59Z",
  "0000-01-01T00:00:00Z",
  "2026-02-30T00:00:00Z",
  "2026-01-01T00:00:00+23:59",
  "1 > 0",
  "a > 1.0 ".repeat(300),
  "[1].all(x, true)",
  "((((((((((((((((((((((((((((a))))))))))))))))))))))))))))",
  "while",
  "rising",
  "histogram",
  "trip",
  "NaN",
  ".inf",
  "null",
];
const NUMBERS = [
  0,
  -0,
  -1,
  0.5,
  1,
  2,
  9,
  10,
  256,
  257,
  1e9,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 53,
  1e21,
  1e308,
  -1e308,
  5e-324,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
];

/** Changes a document of maps and lists in up to four places: other types, other ranges, keys that are not there or there by another name. */
export function mutateDocument(document: { [key: string]: Json }, dice: Dice): void {
  for (let times = dice.below(4); times >= 0; times--) mutateOnce(document, dice);
}

function mutateOnce(document: { [key: string]: Json }, dice: Dice): void {
  const places = placesIn(document);
  const { above, key } = dice.pick(places.length > 0 ? places : [{ above: document, key: "id" }]);
  const kind = dice.random();
  if (kind < 0.45) put(above, key, junk(dice, document));
  else if (kind < 0.6) remove(above, key);
  else if (kind < 0.75) put(above, Array.isArray(above) ? `${above.length}` : dice.pick(KEYS), junk(dice, document));
  else if (kind < 0.85) put(above, key, copyOf(valueAt(dice.pick(places))));
  else repeat(above, key, dice);
}

/** Every place, the deeper ones too. */
function placesIn(value: Json): Place[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.keys(value).flatMap((key) => [{ above: value, key }, ...placesIn(valueAt({ above: value, key }))]);
}

function valueAt({ above, key }: Place): Json {
  return Array.isArray(above) ? above[Number(key)] : above[key];
}

function put(above: Place["above"], key: string, value: Json): void {
  Object.defineProperty(above, key, { value, writable: true, enumerable: true, configurable: true });
}

function remove(above: Place["above"], key: string): void {
  if (Array.isArray(above)) above.splice(Number(key), 1);
  else Reflect.deleteProperty(above, key);
}

/** The same again, as often as a list may have it and more. */
function repeat(above: Place["above"], key: string, dice: Dice): void {
  const one = valueAt({ above, key });
  const times = dice.pick([2, 10, 40]);
  if (Array.isArray(above)) for (let count = 0; count < times; count++) above.push(copyOf(one));
  else put(above, key, typeof one === "string" ? one.repeat(times) : Array.from({ length: times }, () => copyOf(one)));
}

function junk(dice: Dice, document: Json): Json {
  const kind = dice.random();
  if (kind < 0.35) return dice.pick(WORDS);
  if (kind < 0.7) return dice.pick(NUMBERS);
  if (kind < 0.75) return null;
  if (kind < 0.8) return dice.chance(0.5);
  if (kind < 0.85) return [];
  if (kind < 0.9) return {};
  if (kind < 0.95) return copyOf(document);
  let deep: Json = 1;
  for (let depth = dice.below(100); depth >= 0; depth--) deep = dice.chance(0.5) ? [deep] : { signals: deep };
  return deep;
}

function copyOf(value: Json): Json {
  if (Array.isArray(value)) return value.map(copyOf);
  if (typeof value !== "object" || value === null) return value;
  const copy: Json = {};
  for (const [key, one] of Object.entries(value)) put(copy, key, copyOf(one));
  return copy;
}

const PARTS = [
  ": ",
  "- ",
  "? ",
  "&a ",
  "*a",
  "!!int ",
  "!!binary ",
  "!!set ",
  "!x ",
  "<<: *a\n",
  "%YAML 1.1\n",
  "%TAG ! x\n",
  "---\n",
  "...\n",
  "|\n ",
  ">-\n ",
  "\t",
  "\r",
  "\n",
  "\u0000",
  "\ufeff",
  "\u2028",
  "# ",
  "[",
  "]",
  "{",
  "}",
  ", ",
  '"',
  "'",
  "\\",
  "@",
  "`",
  "~",
  "null",
  ".nan",
  "0x7fffffff",
  "1e400",
  "__proto__: 1\n",
];

/** Changes the text of a document in up to four places. */
export function mutateText(text: string, dice: Dice): string {
  let mutated = text;
  for (let times = dice.below(4); times >= 0; times--) mutated = mutateTextOnce(mutated, dice);
  return mutated;
}

function mutateTextOnce(text: string, dice: Dice): string {
  const at = dice.below(text.length + 1);
  const to = Math.min(text.length, at + dice.below(12));
  const kind = dice.random();
  if (kind < 0.5) return text.slice(0, at) + dice.pick(PARTS) + text.slice(at);
  if (kind < 0.7) return text.slice(0, at) + text.slice(to);
  if (kind < 0.8) return text.slice(0, at) + text.slice(at, to).repeat(dice.below(30)) + text.slice(to);
  if (kind < 0.85) return text.slice(0, at);
  const lines = text.split("\n");
  const line = dice.below(lines.length);
  const moved = dice.below(lines.length);
  return lines.toSpliced(moved, 0, kind < 0.95 ? lines[line] : ` ${lines[line]}`).join("\n");
}
