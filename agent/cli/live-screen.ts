import type { CliContext, Key, TextSink } from "./context.ts";
import { cutLine } from "./text.ts";

/** A screen of its own, with the cursor hidden and no line wrapped (xterm control sequences: 1049, DECTCEM, DECAWM). */
const ENTER = "\u001b[?1049h\u001b[?25l\u001b[?7l";
const LEAVE = "\u001b[?7h\u001b[?25h\u001b[?1049l";
/** Cursor home and erase all; erase to the end of the line (ECMA-48: CUP, ED, EL). */
const CLEAR = "\u001b[H\u001b[2J";
const ERASE_LINE = "\u001b[K";
/** Begins colours, which are let through. */
const ESCAPE = "\u001b";

/** Columns and rows of a terminal. */
export type ScreenSize = { readonly columns: number; readonly rows: number };

/** The lines to be shown; for a terminal of `size`, or whole where that is undefined. */
export type Drawing = (size: ScreenSize | undefined) => readonly string[];

/**
 * Lines that are painted again and again in one place, in their order.
 *
 * - A terminal has a screen of its own meanwhile, painted anew when its size changes; at the end what was there is back, with the last lines
 *   below it. What is wider is cut with "…", what is longer ends in "... N more".
 * - What is no terminal gets each drawing whole, one after the other.
 * - The cursor, the keyboard and the screen are as before after `close`, and after the end of the process without it.
 */
export class LiveScreen {
  /** Whether lines are painted in place, on a terminal that can. */
  readonly isLive: boolean;
  /** Aborts when the user asks for the end: by q, or as the context is interrupted. */
  readonly signal: AbortSignal;
  readonly #stdout: TextSink;
  readonly #quit = new AbortController();
  readonly #undo: (() => void)[] = [];
  #drawing: Drawing | undefined;
  #shown: readonly string[] = [];
  #size: ScreenSize = { columns: 0, rows: 0 };
  #isOpen = false;

  /** `onKey` gets each key that is not q (quit) or ctrl-l (paint all again); true from it takes q too, for one that is typed into a word. */
  constructor(context: ScreenContext, onKey: (key: Key) => boolean = () => false) {
    const { terminal, environment, signal } = context;
    this.#stdout = terminal.stdout;
    this.isLive = terminal.stdout.isTerminal && environment["TERM"] !== "dumb";
    this.signal = AbortSignal.any([signal, this.#quit.signal]);
    if (!this.isLive) return;
    const { keyboard } = terminal;
    if (keyboard !== undefined) this.#undo.push(keyboard.listen((key) => this.#take(key, onKey)));
    const { stdout } = terminal;
    this.#keep(stdout.onResize?.(() => this.#repaint()));
    this.#keep(stdout.atExit?.(LEAVE));
  }

  /** Shows what `drawing` gives now; it is asked again when the size changes, or for `refresh`. */
  paint(drawing: Drawing): void {
    if (!this.isLive) {
      const lines = drawing(undefined);
      if (lines.length > 0) this.#stdout.write(`${lines.join("\n")}\n`);
      return;
    }
    this.#drawing = drawing;
    this.refresh();
  }

  /** Paints the newest drawing again, where it is in place: a key may have changed what it shows. */
  refresh(): void {
    if (this.#drawing === undefined || !this.isLive) return;
    const size = { columns: this.#stdout.columns(), rows: this.#stdout.rows() };
    const isNew = !this.#isOpen || size.columns !== this.#size.columns || size.rows !== this.#size.rows;
    const lines = fitted(this.#drawing(size), size);
    const text = isNew ? CLEAR + this.#allLines(lines, size) : this.#changedLines(lines, size);
    if (text !== "") this.#stdout.write((this.#isOpen ? "" : ENTER) + text);
    this.#isOpen = true;
    this.#size = size;
    this.#shown = lines;
  }

  /** Gives the terminal back, with the newest lines on it. Again: nothing. */
  close(): void {
    for (const undo of this.#undo.splice(0)) undo();
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#drawing = undefined;
    this.#stdout.write(`${LEAVE}${this.#shown.map((line) => `${line}\n`).join("")}`);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #keep(undo: (() => void) | undefined): void {
    if (undo !== undefined) this.#undo.push(undo);
  }

  #take(key: Key, onKey: (key: Key) => boolean): void {
    if (onKey(key)) this.refresh();
    else if (key.name === "q") this.#quit.abort();
    else if (key.name === "ctrl-l") this.#repaint();
  }

  #repaint(): void {
    this.#size = { columns: 0, rows: 0 };
    this.refresh();
  }

  #allLines(lines: readonly string[], { rows }: ScreenSize): string {
    return lines
      .slice(0, rows)
      .map((line, row) => at(row) + line)
      .join("");
  }

  #changedLines(lines: readonly string[], size: ScreenSize): string {
    const count = Math.max(lines.length, this.#shown.length);
    let text = "";
    for (let row = 0; row < Math.min(count, size.rows); row++) {
      const [line, before] = [lines[row] ?? "", this.#shown[row] ?? ""];
      // Erased before it is written: after a full line the cursor stands on its last character.
      if (line !== before) text += at(row) + ERASE_LINE + line;
    }
    return text;
  }
}

/** What of a context a live screen needs. */
export type ScreenContext = Pick<CliContext, "terminal" | "environment" | "signal">;

function at(row: number): string {
  return `\u001b[${row + 1};1H`;
}

function fitted(lines: readonly string[], { columns, rows }: ScreenSize): readonly string[] {
  const hidden = lines.length - rows;
  const shown = hidden > 0 ? [...lines.slice(0, rows - 1), `... ${hidden + 1} more`] : lines;
  return shown.map((line) => cutLine(steerless(line), columns));
}

function steerless(line: string): string {
  return line.replace(/\p{Cc}/gu, (control) => (control === ESCAPE ? control : "?"));
}
