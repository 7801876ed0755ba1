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

const SPACE = /[\s\uFEFF]*(?:\/\/[^\n]*[\s\uFEFF]*)*/y;
const WORD = /[^\s:;,|@"()[\]]+/y;
const NUMBER = /[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/y;
const DIGITS = /\d+/y;

/**
 * Reads a DBC text piece by piece; the caller asks for what the grammar wants next. Every method that reads skips white space and
 * comments (from // to the end of the line, as cantools takes them) first.
 */
export class DbcReader {
  readonly text: string;
  #at = 0;

  constructor(text: string) {
    this.text = text;
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

  word(what: string): string {
    return this.#expect(WORD, what);
  }

  /** A finite decimal number. */
  number(what: string): number {
    const at = this.position();
    const value = Number(this.#expect(NUMBER, what));
    if (!Number.isFinite(value)) throw new DbcSyntaxError(at, `${what} is too large for a number`);
    return value;
  }

  /** A whole number of 0..2^53-1. */
  unsigned(what: string): number {
    const at = this.position();
    const value = Number(this.#expect(DIGITS, what));
    if (!Number.isSafeInteger(value)) throw new DbcSyntaxError(at, `${what} is too large`);
    return value;
  }

  /** A whole number of either sign, of any size; a fraction of zeros is let pass ("1.0"). */
  integer(what: string): number | bigint {
    const at = this.position();
    const text = this.#expect(NUMBER, what);
    const value = Number(text);
    if (Number.isSafeInteger(value)) return value;
    if (/^[+-]?\d+$/.test(text)) return BigInt(text.replace("+", ""));
    throw new DbcSyntaxError(at, `${what} must be a whole number, found ${text}`);
  }

  /** Text between double quotes, over several lines if need be; \" stands for a quote. */
  string(what: string): string {
    const at = this.position();
    if (this.text[at] !== '"') throw this.#unexpected(what);
    let end = this.text.indexOf('"', at + 1);
    while (end > 0 && this.text[end - 1] === "\\") {
      const next = this.text.indexOf('"', end + 1);
      if (next < 0) break;
      end = next;
    }
    if (end < 0) throw new DbcSyntaxError(at, `${what} has no closing quote`);
    this.#at = end + 1;
    return this.text.slice(at + 1, end).replaceAll('\\"', '"');
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
