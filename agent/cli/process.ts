import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type Command, CommanderError } from "commander";
import { kernelClock } from "../../drivers/can/kernel-clock.ts";
import { systemClock } from "../../drivers/os/time-source.ts";
import { AgentError, AS_SERVICE_USER, EXIT, errnoOf, FAULTS, messageOf } from "../core/errors.ts";
import { isDenied } from "../core/file-trouble.ts";
import { StartMarks } from "../core/start-marks.ts";
import { type CliContext, type GlobalOptions, printProblem, type Terminal, type TextSink } from "./context.ts";
import { keyboardOf } from "./keyboard.ts";
import { EndedElsewhere, type OwnProcess } from "./own-process.ts";

/** `packageFile` says the version; `mainMs` is when the program had its first turn, ms of the monotonic clock; `surroundings` is for verbs alone. */
export type ProcessParts = {
  readonly packageFile: URL;
  readonly mainMs: number;
  readonly surroundings?: (environment: NodeJS.ProcessEnv) => Surroundings;
};

/** What a verb may do with the process, and where its stderr is when that is not descriptor 2. */
export type Surroundings = { readonly process: OwnProcess; readonly stderr?: TextSink };

/** Makes the command tree, as `createProgram`. */
type MakeProgram = (
  args: readonly string[],
  context: CliContext,
  bind: (options: GlobalOptions) => void,
) => Promise<Command>;

/** Arguments in, exit code out; ends the process with it. */
export async function runProcess(parts: ProcessParts, createProgram: MakeProgram): Promise<void> {
  const code = await codeOf(process.argv.slice(2), parts, createProgram);
  // Pipes are written asynchronously: leave when stdout has taken everything, whatever a native library still keeps open.
  process.stdout.write("", () => process.exit(code));
}

async function codeOf(
  args: readonly string[],
  { packageFile, mainMs, surroundings }: ProcessParts,
  createProgram: MakeProgram,
): Promise<number> {
  const interrupt = new AbortController();
  let exitCode: number = EXIT.ok;
  let options: GlobalOptions | undefined;
  const kernel = kernelClock();
  const clock = systemClock({ kernelErrorUs: kernel.errorUs, suspendedUs: kernel.suspendedUs });
  const marks = new StartMarks(clock);
  marks.note("main", mainMs);
  const around = surroundings?.(process.env);
  const context: CliContext = {
    version: versionIn(packageFile),
    terminal: {
      stdout: sinkOf(process.stdout),
      stderr: around?.stderr ?? sinkOf(process.stderr),
      get stdin() {
        return process.stdin;
      },
      get keyboard() {
        return process.stdin.isTTY ? keyboardOf(process.stdin, () => process.emit("SIGINT")) : undefined;
      },
    },
    clock,
    signal: interrupt.signal,
    environment: process.env,
    process: { marks, ...around?.process },
    options: () => {
      if (options === undefined) throw new Error("options are read before they are parsed");
      return options;
    },
    finish: (code) => {
      exitCode = code;
    },
  };
  listen(interrupt);
  try {
    const program = await createProgram(args, context, (given) => {
      options = given;
    });
    await program.parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof EndedElsewhere) return error.code;
    // A question that the interrupt has cut short has no answer: that is not the agent's doing.
    const isCut = interrupt.signal.aborted && error instanceof AgentError && error.code === "agent.not-running";
    if (isCut) return EXIT.interrupted;
    const code = report(error, context.terminal, options?.json ?? args.includes("--json"));
    // Of the daemon only systemd reads the code, which must not start it again for what a person has to mend.
    const isClosed = error instanceof AgentError && isDenied(error.cause) && args[0] !== "run";
    return isClosed && code === EXIT.configuration ? EXIT.permission : code;
  }
}

/** The first signal asks for a clean stop, the second forces it. */
function listen(interrupt: AbortController): void {
  const onSignal = (name: NodeJS.Signals): void => {
    if (interrupt.signal.aborted) process.exit(EXIT.interrupted);
    interrupt.abort(name);
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  // Without a listener Node opens a debugger's port. Whoever starts this version may not know --disable-sigusr1: causeway-start is not of an update.
  process.on("SIGUSR1", () => undefined);
  // A reader that has gone (head, less) ends the verb; it is not an error worth a trace.
  process.stdout.on("error", (error) => process.exit(errnoOf(error) === "EPIPE" ? EXIT.ok : EXIT.failed));
}

function report(error: unknown, terminal: Terminal, json: boolean): number {
  const { stderr } = terminal;
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
  const fault = error instanceof AgentError ? error : accessFault(error);
  if (fault !== undefined) {
    const { code, message, remedy, facts } = fault;
    if (json)
      stderr.write(`${JSON.stringify({ schemaVersion: 1, error: { code, what: message, remedy, ...facts } })}\n`);
    else printProblem({ terminal }, { what: message, remedy });
    return FAULTS[code].exit;
  }
  if (json) {
    const bug = { code: "internal.bug", what: messageOf(error), remedy: "report it with the output without --json" };
    stderr.write(`${JSON.stringify({ schemaVersion: 1, error: bug })}\n`);
    return EXIT.failed;
  }
  stderr.write(`causeway: this is a bug, please report it\n${error instanceof Error ? error.stack : String(error)}\n`);
  return EXIT.failed;
}

/** A file that this user may not touch is no bug, wherever it shows. */
function accessFault(error: unknown): AgentError | undefined {
  if (!isDenied(error)) return undefined;
  return new AgentError("agent.not-permitted", { what: messageOf(error), remedy: AS_SERVICE_USER, cause: error });
}

/** A stream of this process as somewhere to write to. */
export function sinkOf(stream: NodeJS.WriteStream): TextSink {
  return {
    write: (text) => {
      stream.write(text);
    },
    writeBytes: (bytes) => {
      stream.write(bytes);
    },
    drained: async () => {
      if (stream.writableNeedDrain) await once(stream, "drain");
    },
    isTerminal: stream.isTTY === true,
    // A serial line says 0 by 0.
    columns: () => stream.columns || 80,
    rows: () => stream.rows || 24,
    onResize: (listener) => {
      stream.on("resize", listener);
      return () => stream.off("resize", listener);
    },
    atExit: (text) => {
      const write = (): void => void stream.write(text);
      process.on("exit", write);
      return () => process.off("exit", write);
    },
  };
}

function versionIn(packageFile: URL): string {
  const parsed: unknown = JSON.parse(readFileSync(packageFile, "utf8"));
  if (typeof parsed !== "object" || parsed === null || !("version" in parsed)) return "unknown";
  return String(parsed.version);
}
