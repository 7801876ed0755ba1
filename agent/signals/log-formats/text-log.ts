import type { LogEntry, LogFormat, LogParser } from "./log-entry.ts";
import type { LineParser } from "./log-line.ts";
import { LineSplitter } from "./log-lines.ts";

/** Entries that are handed on at once: few enough that they are garbage before they are moved. */
const SLICE_LINES = 256;

/** A log in text, whose lines `parser` reads. `keepsLines` hands the line itself on with each frame. */
export class TextLog implements LogParser {
  readonly format: LogFormat;
  readonly #parser: LineParser;
  readonly #keepsLines: boolean;
  readonly #splitter = new LineSplitter();
  #looked = 0;

  constructor(format: LogFormat, parser: LineParser, keepsLines: boolean) {
    this.format = format;
    this.#parser = parser;
    this.#keepsLines = keepsLines;
  }

  get looked(): number {
    return this.#looked;
  }

  push(chunk: Uint8Array): Iterable<readonly LogEntry[]> {
    return this.#slices(this.#splitter.push(chunk));
  }

  end(): Iterable<readonly LogEntry[]> {
    return this.#slices(this.#splitter.end());
  }

  *#slices(lines: readonly string[]): Generator<readonly LogEntry[]> {
    let from = 0;
    do {
      yield this.#read(lines, from);
      from += SLICE_LINES;
    } while (from < lines.length);
  }

  #read(lines: readonly string[], from: number): readonly LogEntry[] {
    const entries: LogEntry[] = [];
    const to = Math.min(lines.length, from + SLICE_LINES);
    for (let at = from; at < to; at++) {
      const text = lines[at];
      this.#looked += 1;
      const parsed = this.#parser.parse(text);
      if (parsed.kind === "blank") continue;
      if (parsed.kind === "malformed") {
        entries.push({ kind: "malformed", at: this.#looked, column: parsed.column, problem: parsed.problem });
        continue;
      }
      const { bus, frame, timed, sent } = parsed;
      entries.push({
        kind: "frame",
        at: this.#looked,
        bus,
        frame,
        timed,
        sent,
        line: this.#keepsLines ? text : undefined,
      });
    }
    return entries;
  }
}
