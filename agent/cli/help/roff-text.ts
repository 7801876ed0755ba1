import { wrapLines } from "../text.ts";

/** Of what stands under a heading, and of what stands under a tag, columns. */
const INDENT = 7;
const TAG_INDENT = 14;

/** Macros whose words are joined without spaces, in fonts that change from one to the next (groff_man(7)). */
const JOINED = ["BR", "IR", "RI", "RB", "BI", "IB"];

/**
 * A page in the man macros as plain text of `columns`: what `manPage` makes and its template uses, and no more (TH, SH, SS, TP, PP, nf, fi, B, I
 * and those of two fonts).
 */
export function roffText(page: string, columns: number): string {
  const writer = new TextWriter(columns);
  for (const line of page.trimEnd().split("\n")) {
    const macro = /^\.([A-Za-z]+) ?(.*)$/.exec(line);
    if (macro === null) writer.words(plain(line.replace(/^\\&/, "")));
    else writer.macro(macro[1], macro[2]);
  }
  return writer.text();
}

class TextWriter {
  readonly #columns: number;
  readonly #lines: string[] = [];
  /** Of the paragraph that is filled. */
  #words: string[] = [];
  #indent = INDENT;
  #tag: string | undefined;
  #awaitsTag = false;
  #isKept = false;

  constructor(columns: number) {
    this.#columns = columns;
  }

  text(): string {
    this.#flush();
    return `${this.#lines
      .join("\n")
      .replaceAll(/\n{3,}/g, "\n\n")
      .trim()}\n`;
  }

  words(line: string): void {
    if (this.#awaitsTag) {
      this.#tag = line;
      this.#awaitsTag = false;
    } else if (this.#isKept) this.#lines.push(`${" ".repeat(this.#indent)}${line}`.trimEnd());
    else if (line.trim() !== "") this.#words.push(line.trim());
  }

  macro(name: string, rest: string): void {
    if (JOINED.includes(name)) this.words(wordsOf(rest).join(""));
    else if (name === "B" || name === "I") this.words(wordsOf(rest).join(" "));
    else this.#layout(name, rest);
  }

  #layout(name: string, rest: string): void {
    this.#flush();
    switch (name) {
      case "SH":
      case "SS": {
        this.#indent = INDENT;
        const title = wordsOf(rest).join(" ");
        this.#lines.push("", ...wrapLines(name === "SH" ? title : `   ${title}`, this.#columns, 10));
        break;
      }
      case "TP":
        this.#awaitsTag = true;
        break;
      case "PP":
        this.#indent = INDENT;
        this.#lines.push("");
        break;
      case "nf":
        this.#isKept = true;
        break;
      case "fi":
        this.#isKept = false;
        break;
    }
  }

  /** Writes the paragraph, behind or below its tag. */
  #flush(): void {
    const text = this.#words.join(" ");
    this.#words = [];
    if (this.#tag === undefined) {
      if (text !== "") this.#put(this.#indent, text);
      return;
    }
    this.#lines.push(`${" ".repeat(INDENT)}${this.#tag}`);
    this.#tag = undefined;
    this.#put(TAG_INDENT, text);
  }

  #put(indent: number, text: string): void {
    const space = " ".repeat(indent);
    this.#lines.push(...wrapLines(text, Math.max(20, this.#columns - indent), 0).map((line) => `${space}${line}`));
  }
}

/** Arguments of a macro: words, of which one in quotes may hold spaces. */
function wordsOf(rest: string): readonly string[] {
  return [...rest.matchAll(/"((?:[^"]|"")*)"|(\S+)/g)].map(([, quoted, word]) => plain(quoted ?? word));
}

/** Text without the escapes of roff. */
function plain(text: string): string {
  return text
    .replaceAll("\\-", "-")
    .replaceAll("\\(dq", '"')
    .replaceAll("\\(ti", "~")
    .replaceAll("\\(ha", "^")
    .replaceAll("\\&", "")
    .replaceAll("\\e", "\\");
}
