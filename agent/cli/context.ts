import type { Clock } from "../core/clock.ts";
import type { AgentError } from "../core/errors.ts";
import type { OwnProcess } from "./own-process.ts";
import { wrapLines } from "./text.ts";

/** Default path of the configuration (product names and places). */
export const DEFAULT_CONFIG_FILE = "/etc/causeway/agent.yaml";

/** Options that every verb takes (reference: causeway --help). */
export type GlobalOptions = {
  readonly config: string;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly color: boolean;
  readonly input: boolean;
  readonly timeoutMs: number;
  /** --timeout was given; where it is not, work on keys may take as long as the configuration lets it. */
  readonly isTimeoutGiven?: boolean;
  readonly verbose: boolean;
};

/** Where a verb writes. `isTerminal` decides on progress bars, live tables and colour. */
export type TextSink = {
  write(text: string): void;
  /** Bytes as they are, for payloads. */
  writeBytes?(bytes: Uint8Array): void;
  /** Resolves once the reader has taken what was written, so that a verb with much to say waits for a slow reader instead of filling memory. */
  drained?(): Promise<void>;
  readonly isTerminal: boolean;
  /** Width in columns; 80 when it is not a terminal. */
  columns(): number;
  rows(): number;
  /** Calls `listener` whenever the size of the terminal has changed, until the returned function is called. */
  onResize?(listener: () => void): () => void;
  /** Writes `text` should the process end before the returned function is called. */
  atExit?(text: string): () => void;
};

/** A key: "j", "up", "pagedown", "return", "ctrl-l"; `typed` is what it adds to a word, or empty. */
export type Key = { readonly name: string; readonly typed: string };

/** The keys of a terminal, each as it is pressed. */
export type Keyboard = {
  /** Hands over each key, unseen on the terminal, until the returned function is called. Ctrl-C interrupts all the same. */
  listen(onKey: (key: Key) => void): () => void;
};

/** Where a verb reads and writes. Data goes to `stdout`, everything else to `stderr`. */
export type Terminal = {
  readonly stdout: TextSink;
  readonly stderr: TextSink;
  readonly stdin: AsyncIterable<Uint8Array>;
  /** Absent where stdin is no terminal. Whoever listens to it does not read `stdin`. */
  readonly keyboard?: Keyboard | undefined;
};

/**
 * What a verb may touch besides its arguments, so that a test can run it without a terminal or a process. `signal` aborts on SIGINT and
 * SIGTERM.
 */
export type CliContext = {
  readonly version: string;
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Absent where the verb does not have a process to itself. */
  readonly process?: OwnProcess;
  options(): GlobalOptions;
  /** Ends the program with this code after the verb has returned; `EXIT` has the codes. The last call counts. */
  finish(code: number): void;
};

/** How long a verb that begins now has left for work on keys, ms; undefined where --timeout is not given. */
export function timeLeft(context: CliContext): (() => number) | undefined {
  const { timeoutMs, isTimeoutGiven } = context.options();
  if (isTimeoutGiven !== true) return undefined;
  const endMs = context.clock.monotonicMs() + timeoutMs;
  return () => endMs - context.clock.monotonicMs();
}

/** One line of data on stdout. */
export function printLine(context: CliContext, line: string): void {
  context.terminal.stdout.write(`${line}\n`);
}

/** One line for people on stdout: on a terminal in rows that fit it, the later ones behind `indent` spaces; elsewhere as it is. */
export function printText({ terminal: { stdout } }: Pick<CliContext, "terminal">, line: string, indent = 0): void {
  stdout.write(rowsFor(stdout, line, indent));
}

function rowsFor(sink: TextSink, line: string, indent: number): string {
  const rows = sink.isTerminal ? wrapLines(line, sink.columns(), indent) : [line];
  return `${rows.join("\n")}\n`;
}

/** One object on stdout as a line of JSON. Give it its `schemaVersion`. */
export function printJson(context: CliContext, value: unknown): void {
  printLine(context, JSON.stringify(value));
}

/** What is wrong and what to do about it, on stderr, with --quiet too. */
export function printProblem(
  { terminal: { stderr } }: Pick<CliContext, "terminal">,
  { what, remedy }: { readonly what: string; readonly remedy: string },
): void {
  stderr.write(rowsFor(stderr, `causeway: ${what}`, 2) + rowsFor(stderr, `  remedy: ${remedy}`, 4));
}

/** The member `fault` of what a verb prints as JSON; nothing where there is none. */
export function faultJson(fault: AgentError | undefined) {
  return fault === undefined ? {} : { fault: { code: fault.code, what: fault.message, remedy: fault.remedy } };
}

/** A remark for the person at the terminal, on stderr; nothing with --quiet. */
export function note(context: CliContext, line: string): void {
  const { stderr } = context.terminal;
  if (!context.options().quiet) stderr.write(rowsFor(stderr, line, 2));
}
