const STRING = /"(?:[^"\\]|\\.)*"/y;
const SPACE = /\s*/y;
const SCALAR = /[^\s,\]}]+/y;
/** Strings as a whole, so that brackets in them do not count. */
const BRACKET = /"(?:[^"\\]|\\.)*"|[[\]{}]/g;

/** Offset of the key (in an object) or item (in an array) at `path` in a JSON text that can be parsed; of the nearest above that is there. */
export function jsonOffset(text: string, path: readonly (string | number)[]): number {
  let at = skip(SPACE, text, 0);
  let found = at;
  for (const key of path) {
    const place = typeof key === "number" ? itemAt(text, at, key) : memberAt(text, at, key);
    if (place === undefined) return found;
    found = place.start;
    at = place.value;
  }
  return found;
}

const PIECE =
  /"(?:[ !#-[\]-\u{10ffff}]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?|true|false|null|[[\]{},:]/uy;
/** What may stand at a place: see `syntaxOffset`. */
type Expected = "value" | "first item" | "key" | "first key" | "colon" | "end";

/** Offset of the first piece of a text that does not belong there as JSON (RFC 8259); JSON.parse itself does not always say where. */
export function syntaxOffset(text: string): number {
  const open: string[] = [];
  let expected: Expected = "value";
  for (let at = skip(SPACE, text, 0); at < text.length; at = skip(SPACE, text, at)) {
    const end = skip(PIECE, text, at);
    const next: Expected | undefined = end === at ? undefined : follow(text.slice(at, end), expected, open);
    if (next === undefined) return at;
    expected = next;
    at = end;
  }
  return text.length;
}

/** What may stand behind `piece`, where `expected` does; undefined when it may not stand there. `open` are the brackets around it. */
function follow(piece: string, expected: Expected, open: string[]): Expected | undefined {
  const isKeyPlace = expected === "key" || expected === "first key";
  if (piece === "}" || piece === "]") {
    const opening = piece === "}" ? "{" : "[";
    const mayClose = expected === "end" || expected === (piece === "}" ? "first key" : "first item");
    return mayClose && open.pop() === opening ? "end" : undefined;
  }
  if (piece === ":") return expected === "colon" ? "value" : undefined;
  if (piece === ",") return expected === "end" && open.length > 0 ? (open.at(-1) === "{" ? "key" : "value") : undefined;
  if (isKeyPlace) return piece.startsWith('"') ? "colon" : undefined;
  if (expected !== "value" && expected !== "first item") return undefined;
  if (piece !== "{" && piece !== "[") return "end";
  open.push(piece);
  return piece === "{" ? "first key" : "first item";
}

type Place = { readonly start: number; readonly value: number };

/** The last member of this name counts, as in JSON.parse. */
function memberAt(text: string, object: number, key: string): Place | undefined {
  if (text[object] !== "{") return undefined;
  let found: Place | undefined;
  for (let at = skip(SPACE, text, object + 1); text[at] === '"'; ) {
    const end = skip(STRING, text, at);
    const value = skip(SPACE, text, skip(SPACE, text, end) + 1);
    if (JSON.parse(text.slice(at, end)) === key) found = { start: at, value };
    at = nextAfter(text, value);
  }
  return found;
}

function itemAt(text: string, array: number, index: number): Place | undefined {
  if (text[array] !== "[") return undefined;
  let at = skip(SPACE, text, array + 1);
  for (let passed = 0; passed < index; passed++) at = nextAfter(text, at);
  return text[at] === "]" ? undefined : { start: at, value: at };
}

/** Behind a value and the comma after it. */
function nextAfter(text: string, value: number): number {
  const end = skip(SPACE, text, endOf(text, value));
  return text[end] === "," ? skip(SPACE, text, end + 1) : end;
}

function endOf(text: string, value: number): number {
  if (text[value] === '"') return skip(STRING, text, value);
  if (text[value] !== "{" && text[value] !== "[") return skip(SCALAR, text, value);
  BRACKET.lastIndex = value;
  let depth = 0;
  for (let match = BRACKET.exec(text); match !== null; match = BRACKET.exec(text)) {
    if (match[0] === "{" || match[0] === "[") depth += 1;
    if (match[0] === "}" || match[0] === "]") depth -= 1;
    if (depth === 0) return BRACKET.lastIndex;
  }
  return text.length;
}

function skip(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return at + (pattern.exec(text)?.[0].length ?? 0);
}
