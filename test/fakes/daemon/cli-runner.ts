import type { CliContext, GlobalOptions, Terminal, TextSink } from "../../../agent/cli/context.ts";
import type { OwnProcess } from "../../../agent/cli/own-process.ts";
import { createProgram } from "../../../agent/cli/program.ts";
import type { Clock } from "../../../agent/core/clock.ts";
import { ManualClock } from "../core/clock.ts";

/** What a verb printed, and the exit code it set. A verb that throws rejects instead. */
export type CliRun = { readonly stdout: string; readonly stderr: string; readonly exitCode: number };

/** What the verb finds around it. */
export type CliSurroundings = {
  readonly stdin?: AsyncIterable<Uint8Array>;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** In the place of one that is none: then `stdout` of the run is empty, and what is shown is read from it. */
  readonly terminal?: Terminal;
  /** Called with what the verb writes, when it writes it. */
  readonly onStdout?: (text: string) => void;
  readonly onStderr?: (text: string) => void;
  /** Width of a terminal that shows both streams; absent where there is none. */
  readonly columns?: number;
  /** What it may do with its process; nothing when absent. */
  readonly process?: OwnProcess;
};

/** Runs `causeway ARGS...` in this process, without a terminal unless `columns` or one are given; errors of verbs and of the command line come as they are thrown. */
export async function runCli(args: readonly string[], surroundings: CliSurroundings = {}): Promise<CliRun> {
  const out: string[] = [];
  const err: string[] = [];
  let exitCode = 0;
  let options: GlobalOptions | undefined;
  const context: CliContext = {
    version: "0.0.0",
    terminal: surroundings.terminal ?? {
      stdout: sinkOf(out, surroundings.columns, surroundings.onStdout),
      stderr: sinkOf(err, surroundings.columns, surroundings.onStderr),
      stdin: surroundings.stdin ?? bytesOf(""),
    },
    clock: surroundings.clock ?? new ManualClock(),
    signal: surroundings.signal ?? new AbortController().signal,
    environment: surroundings.environment ?? {},
    ...(surroundings.process === undefined ? {} : { process: surroundings.process }),
    options: () => {
      if (options === undefined) throw new Error("options are read before they are parsed");
      return options;
    },
    finish: (code) => {
      exitCode = code;
    },
  };
  const program = await createProgram(args, context, (given) => {
    options = given;
  });
  await program.parseAsync(args, { from: "user" });
  return { stdout: out.join(""), stderr: err.join(""), exitCode };
}

/** Text as it comes through a pipe, in pieces of at most `pieceBytes`. */
export async function* bytesOf(text: string, pieceBytes = 65_536): AsyncGenerator<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

function sinkOf(written: string[], columns: number | undefined, onWrite?: (text: string) => void): TextSink {
  return {
    write: (text) => {
      written.push(text);
      onWrite?.(text);
    },
    isTerminal: columns !== undefined,
    columns: () => columns ?? 80,
    rows: () => 24,
  };
}
