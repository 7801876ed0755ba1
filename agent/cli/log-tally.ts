import { EXIT } from "../core/errors.ts";
import { printable } from "../core/plain-text.ts";
import { type LogPiece, type MalformedEntry, placeOf } from "../signals/log-formats/log-entry.ts";
import { type CliContext, note } from "./context.ts";

/** Lines (objects) of a log so far, and those among them that make no sense: each is told on stderr, and the run goes on. */
export class LogTally {
  readonly #context: CliContext;
  readonly #name: string;
  #looked = 0;
  #bad = 0;
  #isBinary = false;

  /** `name` is that of the log, for people. */
  constructor(context: CliContext, name: string) {
    this.#context = context;
    this.#name = name;
  }

  /** A piece of the log was read. */
  note({ looked, format }: LogPiece): void {
    this.#looked = looked;
    this.#isBinary = format === "blf";
  }

  /** Tells of an entry that makes no sense. */
  tell({ at, column, problem }: MalformedEntry, { format }: LogPiece): void {
    this.#bad += 1;
    const place = placeOf(this.#name, format, at, column);
    this.#context.terminal.stderr.write(`${place} error: ${printable(problem)}\n`);
  }

  /** The log is over: the verb ends with 65 where something made no sense, with 130 after an interrupt. */
  finish(): void {
    if (this.#bad > 0) {
      const unit = this.#isBinary ? "objects" : "lines";
      note(this.#context, `${this.#bad} of ${this.#looked} ${unit} could not be read`);
      this.#context.finish(EXIT.badInput);
    }
    if (this.#context.signal.aborted) this.#context.finish(EXIT.interrupted);
  }
}
