/** Where the text of a DBC file stops making sense. Thrown by `DbcReader`, caught by `parseDbc`, never seen outside. */
export class DbcSyntaxError extends Error {
  override readonly name = "DbcSyntaxError";
  /** Offset in the text. */
  readonly offset: number;

  constructor(offset: number, text: string) {
    super(text);
    this.offset = offset;
  }
}

/** Words that begin a statement at the start of a line; reading goes on there after an error. */
export const STATEMENT_WORDS: ReadonlySet<string> = new Set(
  (
    "VERSION NS_ BS_ BU_ BO_ SG_ EV_ ENVVAR_DATA_ EV_DATA_ SGTYPE_ SGTYPE_VAL_ BA_DEF_SGTYPE_ BA_SGTYPE_ SIG_TYPE_REF_ " +
    "VAL_TABLE_ SIG_GROUP_ CM_ BA_DEF_ BA_DEF_DEF_ BA_ BA_DEF_REL_ BA_DEF_DEF_REL_ BA_REL_ BU_SG_REL_ BU_EV_REL_ BU_BO_REL_ " +
    "VAL_ CAT_DEF_ CAT_ FILTER SIG_VALTYPE_ SIGTYPE_VALTYPE_ BO_TX_BU_ SG_MUL_VAL_ NS_DESC_"
  ).split(" "),
);

/** White space, marks of no width that editors leave behind, and comments. */
const SPACE = /[\s\uFEFF\u200B\u2060]*(?:\/\/[^\n]*[\s\uFEFF\u200B\u2060]*)*/y;
const WORD = /[^\s:;,|@"()[\]]+/y;
const DIGITS = /\d+/y;
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
/** How C runtimes print what is no finite number, with what Microsoft's adds behind it. */
const NO_NUMBER = /^[+-]?(?:1\.#(?:INF|IND|QNAN|SNAN|R)\w*|inf(?:inity)?|nan.*)$/i;
const ENDS_TEXT = /[ \t]*(?:;|\r?\n|$)/y;
/** A line that is a statement and hardly the prose of a comment. */
const STATEMENT = [
  "BO_[ \\t]+\\d+[ \\t]+[^\\s:]+[ \\t]*:[ \\t]*\\d",
  'SG_[ \\t]+[^\\n:"]+:[ \\t]*\\d+[ \\t]*\\|',
  '(?:CM_|BA_|BA_DEF_|BA_DEF_DEF_|BA_REL_)[ \\t]+(?:(?:BU_|BO_|SG_|EV_)[ \\t]+["\\w]|")',
  "VAL_(?:TABLE_)?[ \\t]+\\w+[ \\t]+(?:\\w+[ \\t]+)?-?\\d",
  "(?:SIG_VALTYPE_|SG_MUL_VAL_|SIG_GROUP_|BO_TX_BU_)[ \\t]+\\d",
].join("|");
const STATEMENT_LINE = new RegExp(`^[ \\t]*(?:${STATEMENT})`, "gm");
/** A line that only a statement begins with, and no text but a comment. */
const STATEMENT_START = new RegExp(`\\n[ \\t]*(?:${[...STATEMENT_WORDS].join("|")})[ \\t:]`);
/** Behind a quote that a backslash stands before, and that ends its text all the same, as in "C:\\"; */
const ENDS_STATEMENT = new RegExp(`[ \\t]*;[ \\t]*(?:$|\\r?\\n\\s*(?:$|${STATEMENT}))`, "y");

/**
 * Reads a DBC text piece by piece; the caller asks for what the grammar wants next. Every method that reads skips white space and
 * comments (from // to the end of the line, as cantools takes them) first.
 */
export class DbcReader {
  readonly text: string;
  readonly #trustsBackslash: boolean;
  #at = 0;

  constructor(text: string, trustsBackslash: boolean) {
    this.text = text;
    this.#trustsBackslash = trustsBackslash;
  }

  /** Offset of the next thing that is not white space; the length of the text at its end. */
  position(): number {
    this.#at += this.#match(SPACE)?.length ?? 0;
    return this.#at;
  }

  seek(offset: number): void {
    this.#at = offset;
  }

  atEnd(): boolean {
    return this.position() >= this.text.length;
  }

  /** Whether the next thing stands first in its line. */
  atLineStart(): boolean {
    let before = this.position() - 1;
    while (before >= 0 && " \t\r\uFEFF".includes(this.text[before])) before -= 1;
    return before < 0 || this.text[before] === "\n";
  }

  /** Whether a line ends between the end of what was read last and the next thing. */
  lineEnds(): boolean {
    const from = this.#at;
    const end = this.position();
    const crossed = end >= this.text.length || this.text.slice(from, end).includes("\n");
    this.#at = from;
    return crossed;
  }

  /** Whether the next thing is a statement's first word at the start of a line. */
  atStatement(): boolean {
    const word = this.peekWord();
    return word !== undefined && STATEMENT_WORDS.has(word) && this.atLineStart();
  }

  /** A run of characters without white space and punctuation, or undefined; stays where it is. */
  peekWord(): string | undefined {
    this.position();
    return this.#match(WORD);
  }

  /** The next word. The first word of a statement in a new line is none: then the statement before it has broken off. */
  word(what: string): string {
    if (this.atStatement()) throw this.#unexpected(what);
    return this.#expect(WORD, what);
  }

  /** The word that begins a statement. */
  statementWord(): string {
    return this.#expect(WORD, "a statement");
  }

  /** A finite decimal number. */
  number(what: string): number {
    const at = this.position();
    const value = this.numberOrInfinite(what);
    if (value === undefined || !Number.isFinite(value))
      throw new DbcSyntaxError(at, `${what} is too large for a number`);
    return value;
  }

  /** A decimal number, which may be beyond float64; undefined where the file says that it is none (1.#INF, nan). */
  numberOrInfinite(what: string): number | undefined {
    const text = this.peekWord() ?? "";
    if (!NUMBER.test(text) && !NO_NUMBER.test(text)) throw this.#unexpected(what);
    this.word(what);
    return NUMBER.test(text) ? Number(text) : undefined;
  }

  /** A whole number of 0..2^53-1. */
  unsigned(what: string): number {
    const at = this.position();
    const text = this.peekWord() ?? "";
    if (!/^\d+$/.test(text)) throw this.#unexpected(what);
    return this.#safe(this.word(what), what, at);
  }

  /** Digits, whatever stands behind them: one end of a range. */
  digits(what: string): number {
    const at = this.position();
    return this.#safe(this.#expect(DIGITS, what), what, at);
  }

  /** A whole number of either sign, of any size; a fraction of zeros is let pass ("1.0"). */
  integer(what: string): number | bigint {
    const at = this.position();
    const text = this.peekWord() ?? "";
    if (!NUMBER.test(text)) throw this.#unexpected(what);
    this.word(what);
    const value = Number(text);
    if (Number.isSafeInteger(value)) return value;
    if (/^[+-]?\d+$/.test(text)) return BigInt(text.replace("+", ""));
    throw new DbcSyntaxError(at, `${what} must be a whole number, found ${text}`);
  }

  /** Text between double quotes, over several lines if need be; \" stands for a quote. */
  string(what: string): string {
    const at = this.position();
    if (this.text[at] !== '"') throw this.#unexpected(what);
    const end = this.#quoteAfter(at);
    const text = end < 0 ? "" : this.text.slice(at + 1, end);
    if (end < 0 || STATEMENT_START.test(text)) throw new DbcSyntaxError(at, `${what} has no closing quote`);
    this.#at = end + 1;
    return unescaped(text);
  }

  /**
   * The text of a comment, in which quotes may stand that are not escaped: it ends at a quote with ';' or the end of the line behind
   * it. `problem` tells of such quotes; a text that never ends is taken to the end of its line.
   */
  prose(what: string): { readonly text: string; readonly problem: string | undefined } {
    const at = this.position();
    if (this.text[at] !== '"') throw this.#unexpected(what);
    const first = this.#quoteAfter(at);
    if (first >= 0 && this.#textEndsBehind(first)) return { text: this.#takeText(at, first), problem: undefined };
    const limit = nextStatementLine(this.text, at);
    for (let end = first; end >= 0 && (limit < 0 || end < limit); end = this.#quoteAfter(end)) {
      if (this.#textEndsBehind(end)) return { text: this.#takeText(at, end), problem: `${what} has quotes in it` };
    }
    const lineEnd = this.text.indexOf("\n", at);
    this.#at = lineEnd < 0 ? this.text.length : lineEnd;
    return { text: unescaped(this.text.slice(at + 1, this.#at).trim()), problem: `${what} has no closing quote` };
  }

  atString(): boolean {
    return this.text[this.position()] === '"';
  }

  /** Takes this punctuation character when it is next. */
  take(character: string): boolean {
    if (this.text[this.position()] !== character) return false;
    this.#at += 1;
    return true;
  }

  expect(character: string, where: string): void {
    if (!this.take(character)) throw this.#unexpected(`'${character}' ${where}`);
  }

  /** The rest of the line, which is gone past; without a comment behind it. */
  restOfLine(): string {
    const lineEnd = this.text.indexOf("\n", this.#at);
    const rest = this.text.slice(this.#at, lineEnd < 0 ? this.text.length : lineEnd);
    this.#at += rest.length;
    return rest.replace(/\/\/.*$/, "").trim();
  }

  /** Goes past the ';' that ends the statement, over strings. A new statement before it is an error. */
  skipStatement(word: string): void {
    while (!this.take(";")) {
      if (this.atEnd() || this.atStatement()) throw this.#unexpected(`';' at the end of ${word}`);
      if (this.atString()) this.string("text");
      else if (this.peekWord() === undefined) this.#at += 1;
      else this.word("word");
    }
  }

  /** Goes to the first statement that begins at or after `offset` in a line of its own; to the end when there is none. */
  resume(offset: number): void {
    this.#at = this.text.lastIndexOf("\n", offset - 1) + 1;
    while (!this.atEnd()) {
      if (this.position() >= offset && this.atStatement()) return;
      const lineEnd = this.text.indexOf("\n", this.#at);
      this.#at = lineEnd < 0 ? this.text.length : lineEnd + 1;
    }
  }

  #safe(digits: string, what: string, at: number): number {
    const value = Number(digits);
    if (!Number.isSafeInteger(value)) throw new DbcSyntaxError(at, `${what} is too large`);
    return value;
  }

  /** Offset of the next quote behind `at` that ends a text; -1 when there is none. */
  #quoteAfter(at: number): number {
    let end = this.text.indexOf('"', at + 1);
    while (end >= 0 && end - 1 > at && this.#isEscaped(end)) end = this.text.indexOf('"', end + 1);
    return end;
  }

  #isEscaped(quote: number): boolean {
    if (this.text[quote - 1] !== "\\") return false;
    if (!this.#trustsBackslash && this.text.charCodeAt(quote - 2) > 0x7f) return false;
    ENDS_STATEMENT.lastIndex = quote + 1;
    return !ENDS_STATEMENT.test(this.text);
  }

  #textEndsBehind(quote: number): boolean {
    ENDS_TEXT.lastIndex = quote + 1;
    return ENDS_TEXT.test(this.text);
  }

  #takeText(at: number, end: number): string {
    this.#at = end + 1;
    return unescaped(this.text.slice(at + 1, end));
  }

  #expect(pattern: RegExp, what: string): string {
    this.position();
    const found = this.#match(pattern);
    if (found === undefined) throw this.#unexpected(what);
    this.#at += found.length;
    return found;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.text)?.[0];
  }

  #unexpected(wanted: string): DbcSyntaxError {
    const at = this.position();
    const found = at >= this.text.length ? "the end of the file" : (this.peekWord() ?? this.text[at]);
    return new DbcSyntaxError(
      at,
      `expected ${wanted}, found ${found.length > 40 ? `${found.slice(0, 40)}...` : found}`,
    );
  }
}

function unescaped(text: string): string {
  return text.replaceAll('\\"', '"');
}

/** Offset of the first line of `text`, from that of `from` on but not itself, that is a statement; -1 when there is none. */
function nextStatementLine(text: string, from: number): number {
  const lineEnd = text.indexOf("\n", from);
  if (lineEnd < 0) return -1;
  STATEMENT_LINE.lastIndex = lineEnd + 1;
  return STATEMENT_LINE.exec(text)?.index ?? -1;
}
