import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { createInterface } from "node:readline";

/** How a child process ended: its exit code, or the signal that ended it. */
export type ChildEnd = { readonly code: number | undefined; readonly signal: string | undefined };

/** What to start. stderr goes to `logFile`, and stdout too unless `onLine` takes it line by line. */
export type ChildRequest = {
  readonly command: string;
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly logFile: string;
  readonly onLine?: (line: string) => void;
};

/** A process that the bench started. It dies with the bench, however that ends. */
export type Child = {
  readonly pid: number;
  readonly ended: Promise<ChildEnd>;
  hasEnded(): boolean;
  /** One line to its stdin. Lost without an error when it has ended. */
  writeLine(line: string): void;
  signal(name: NodeJS.Signals): void;
  /** SIGTERM, then SIGKILL after `graceMs`. Idempotent; resolves when it is gone. */
  stop(graceMs?: number): Promise<ChildEnd>;
};

/** Starts a process that the kernel kills when this one ends (PR_SET_PDEATHSIG, prctl(2)), so that nothing is left behind. Throws when it cannot be started. */
export async function startChild(request: ChildRequest): Promise<Child> {
  const log = openSync(request.logFile, "a", 0o600);
  const process_ = spawn("setpriv", ["--pdeathsig", "KILL", "--", request.command, ...request.args], {
    stdio: ["pipe", request.onLine === undefined ? log : "pipe", log],
    env: { ...process.env, ...request.environment },
    // A session of its own: Ctrl-C reaches the bench alone, which then stops its processes in the right order.
    detached: true,
  });
  closeSync(log);
  await new Promise<void>((resolve, reject) => {
    process_.once("spawn", resolve);
    process_.once("error", (cause) => reject(new Error(`cannot start ${request.command}`, { cause })));
  });
  return control(process_, request);
}

function control(process_: ChildProcess, request: ChildRequest): Child {
  const { pid, stdout, stdin } = process_;
  if (pid === undefined) throw new Error(`${request.command} has no process id`);
  let end: ChildEnd | undefined;
  const ended = new Promise<ChildEnd>((resolve) => {
    // "close" comes after the last line of stdout, "exit" may come before it.
    process_.once("close", (code, signal) => {
      end = { code: code ?? undefined, signal: signal ?? undefined };
      resolve(end);
    });
  });
  // A child that ended between two lines is seen through `ended`; the broken pipe says nothing more.
  stdin?.on("error", () => undefined);
  if (stdout !== null && request.onLine !== undefined) createInterface({ input: stdout }).on("line", request.onLine);
  const signal = (name: NodeJS.Signals): void => {
    if (end === undefined) process_.kill(name);
  };
  const stop = async (graceMs = 3000): Promise<ChildEnd> => {
    signal("SIGTERM");
    const timer = setTimeout(() => signal("SIGKILL"), graceMs);
    const result = await ended;
    clearTimeout(timer);
    return result;
  };
  return {
    pid,
    ended,
    hasEnded: () => end !== undefined,
    writeLine: (line) => void stdin?.write(`${line}\n`),
    signal,
    stop,
  };
}
