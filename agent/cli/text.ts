/** A sequence that sets colour or weight (ECMA-48, SGR): it takes no room on a line. */
const SGR = "\\u001b\\[[\\d;]*m";
/** What a line is made of for a terminal: such a sequence, or one character. */
const CELLS = new RegExp(`${SGR}|.`, "gsu");
const SEQUENCES = new RegExp(SGR, "g");
const MARKS = /\p{M}/gu;
const RESET = "\u001b[0m";
/** Sequences that end what another began. */
const ENDS = /^.\[(?:0|2\d|39|49)?m$/s;
/** Characters that take two columns: of East Asian scripts, and emoji (Unicode, UAX 11 and UTS 51). */
const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\uff01-\uff60]/u;
/** An indent takes at most this part of a line, so that a narrow terminal has room for words. */
const INDENT_PART = 3;

/** Columns side by side, each as wide as its widest cell; two spaces between, none at the line ends. */
export function alignColumns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, visibleWidth(cell));
    });
  }
  return rows.map((row) =>
    row
      .map((cell, column) => cell + " ".repeat(Math.max(0, (widths[column] ?? 0) - visibleWidth(cell))))
      .join("  ")
      .trimEnd(),
  );
}

/**
 * A table as `alignColumns` lays it out, `rows[0]` being its heading, where it fits `columns`; where it does not, a sentence a row, without a
 * heading: "telemetry: waiting 12, bytes 3 kB". Undefined `columns` have room for everything.
 */
export function tableLines(rows: readonly (readonly string[])[], columns: number | undefined): readonly string[] {
  const aligned = alignColumns(rows);
  if (columns === undefined || aligned.every((line) => visibleWidth(line) <= columns)) return aligned;
  const [[, ...heading] = [], ...others] = rows;
  return others.flatMap(([name = "", ...cells]) => {
    const text = `${name}: ${cells.map((cell, at) => `${heading[at]} ${cell}`).join(", ")}`;
    return wrapLines(text, columns, name.length - name.trimStart().length + 2);
  });
}

/** How many columns of a terminal a text takes; sequences for colour and marks over letters take none. */
export function visibleWidth(text: string): number {
  let width = 0;
  for (const cell of text.replace(SEQUENCES, "").replace(MARKS, "")) width += WIDE.test(cell) ? 2 : 1;
  return width;
}

/** The text where it fits `columns`; otherwise what fits of it before "…". Colour ends with it. */
export function cutLine(text: string, columns: number): string {
  if (visibleWidth(text) <= columns) return text;
  let cut = "";
  let width = 0;
  for (const [cell] of text.matchAll(CELLS)) {
    width += visibleWidth(cell);
    if (width >= columns) break;
    cut += cell;
  }
  return columns < 1 ? "" : `${cut}…${cut.includes("\u001b") ? RESET : ""}`;
}

/**
 * One line in rows of at most `columns`, the later ones behind `indent` spaces. A word is cut only where it alone is wider than a row;
 * colour goes on in the next row. A narrow terminal gets less of every indent.
 */
export function wrapLines(text: string, columns: number, indent: number): readonly string[] {
  const most = Math.floor(columns / INDENT_PART);
  const hanging = " ".repeat(Math.min(indent, most));
  const [lead = ""] = /^ */.exec(text) ?? [];
  const rows = new Rows(columns, hanging, lead.slice(0, most));
  for (const [, spaces = "", word = ""] of text.slice(lead.length).matchAll(/( *)([^ ]*)/g)) {
    if (word !== "") rows.add(spaces, word);
  }
  return rows.end();
}

/** Rows under way: the last one grows until a word does not fit. */
class Rows {
  readonly #columns: number;
  readonly #hanging: string;
  readonly #done: string[] = [];
  #row: string;
  #width: number;
  /** Whether the row has but its indent. */
  #isBlank = true;
  /** Colour that is on. */
  #open = "";

  constructor(columns: number, hanging: string, lead: string) {
    this.#columns = Math.max(1, columns);
    this.#hanging = hanging;
    this.#row = lead;
    this.#width = lead.length;
  }

  add(spaces: string, word: string): void {
    const width = visibleWidth(word);
    const gap = this.#isBlank ? "" : spaces;
    if (this.#width + gap.length + width <= this.#columns) this.#append(gap, word, width);
    else {
      if (!this.#isBlank) this.#next();
      if (this.#width + width <= this.#columns) this.#append("", word, width);
      else this.#cut(word);
    }
  }

  end(): readonly string[] {
    return [...this.#done, this.#row];
  }

  #append(gap: string, word: string, width: number): void {
    this.#row += gap + word;
    this.#width += gap.length + width;
    this.#isBlank = false;
    for (const [sequence] of word.matchAll(SEQUENCES)) this.#open = ENDS.test(sequence) ? "" : this.#open + sequence;
  }

  #next(): void {
    this.#done.push(this.#open === "" ? this.#row : this.#row + RESET);
    this.#row = this.#hanging + this.#open;
    this.#width = this.#hanging.length;
    this.#isBlank = true;
  }

  #cut(word: string): void {
    for (const [cell] of word.matchAll(CELLS)) {
      const width = visibleWidth(cell);
      if (!this.#isBlank && this.#width + width > this.#columns) this.#next();
      this.#append("", cell, width);
    }
  }
}
