import { type ChildProcess, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { errnoOf } from "../../agent/core/errors.ts";
import type { ProgramEnd } from "../../agent/ports/update.ts";

/** What is kept of each output, characters: what a job's status can hold. */
const KEPT = 1024;
/** Code of a program that a signal has ended, as a shell begins to count them. */
const KILLED = 128;
const ENVIRONMENT = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LANG: "C.UTF-8" };

/** See `RunProgram`. The program leads a process group of its own, so that what it has started ends with it. */
export function runProgram(
  program: string,
  args: readonly string[],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ProgramEnd> {
  return runWithInput({ program, args, input: "" }, timeoutMs, signal);
}

/** What is run, and what it finds on its standard input. */
export type ProgramRun = { readonly program: string; readonly args: readonly string[]; readonly input: string };

/** As `runProgram`. A program that does not read its input runs as well. */
export function runWithInput(
  { program, args, input }: ProgramRun,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ProgramEnd> {
  if (signal.aborted) return Promise.resolve({ kind: "stopped" });
  const child = spawn(program, args, {
    cwd: "/",
    env: ENVIRONMENT,
    detached: true,
    shell: false,
    stdio: ["pipe", "pipe", "pipe"],
  });
  // It may have closed it, or never have run.
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  const [out, err] = [new Tail(child.stdout), new Tail(child.stderr)];
  return new Promise((resolve) => {
    let cause: "timed-out" | "stopped" | undefined;
    const end = (why: "timed-out" | "stopped"): void => {
      cause ??= why;
      killGroup(child);
    };
    const onAbort = (): void => end("stopped");
    const timer = setTimeout(() => end("timed-out"), timeoutMs);
    signal.addEventListener("abort", onAbort, { once: true });
    const finish = (ended: ProgramEnd): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      resolve(ended);
    };
    child.once("error", (error) => finish({ kind: "not-run", detail: `${program}: ${errnoOf(error) ?? "not run"}` }));
    // A child of it that keeps the pipes open must not keep the job: "exit", not "close".
    child.once("exit", (code) => {
      if (cause !== undefined) return finish({ kind: cause });
      setImmediate(() =>
        finish({ kind: "exited", code: code ?? KILLED, stdout: out.text, stderr: err.text, errorLines: err.lines }),
      );
    });
  });
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended by itself in the same moment.
  }
}

/** The end of what a stream gave, and how many lines it was. */
class Tail {
  text = "";
  lines = 0;

  constructor(stream: Readable) {
    stream.setEncoding("utf8");
    stream.on("data", (chunk: string) => {
      this.text = (this.text + chunk).slice(-KEPT);
      this.lines += chunk.split("\n").length - 1;
    });
  }
}
