import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** Marks every process that a run starts, itself or through others. */
const MARK = "CAUSEWAY_TEST_RUN";

/** What is run. `logFile` takes its output; else it goes where ours goes. */
export type Stage = {
  readonly command: string;
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly logFile?: string;
};

/** The commands of one run. None of them, and nothing that they started, is left when the run is interrupted. */
export class Stages {
  readonly #mark = `${process.pid}-${Date.now()}`;
  readonly #running = new Set<ChildProcess>();
  readonly #endingMs: number;
  #isOver = false;

  /** `endingMs` is how long an interrupted command may take to end what it has started. */
  constructor(endingMs = 10_000) {
    this.#endingMs = endingMs;
  }

  /** Runs one to its end and gives its exit code; 127 when it cannot be started, and 130 after an interrupt. */
  run({ command, args, environment, logFile }: Stage): Promise<number> {
    if (this.#isOver) return Promise.resolve(130);
    const { promise, resolve } = Promise.withResolvers<number>();
    const log = logFile === undefined ? "inherit" : openSync(logFile, "w");
    // The kernel tells it when this process ends in a way that nobody can catch.
    const child = spawn("setpriv", ["--pdeathsig", "TERM", "--", command, ...args], {
      stdio: ["ignore", log, log],
      env: { ...process.env, ...environment, [MARK]: this.#mark },
    });
    if (typeof log === "number") closeSync(log);
    this.#running.add(child);
    child.on("error", (error) => {
      process.stdout.write(`${command}: ${error.message}\n`);
      resolve(127);
    });
    child.on("close", (code) => {
      this.#running.delete(child);
      resolve(this.#isOver ? 130 : (code ?? 1));
    });
    return promise;
  }

  /** Ends everything: in order at first, and by SIGKILL what is left after a while. */
  async interrupt(): Promise<void> {
    this.#isOver = true;
    for (const child of this.#running) child.kill("SIGTERM");
    await this.#haveEnded();
    for (const pid of this.#left()) kill(pid);
    await this.#haveEnded();
  }

  async #haveEnded(): Promise<void> {
    const endMs = performance.now() + this.#endingMs;
    while (performance.now() < endMs && this.#left().length > 0) await sleep(100);
  }

  /** Processes that carry the mark of this run. */
  #left(): readonly number[] {
    const pids = readdirSync("/proc").map(Number).filter(Number.isInteger);
    return pids.filter((pid) => pid !== process.pid && environmentOf(pid).includes(`${MARK}=${this.#mark}`));
  }
}

function environmentOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
  } catch {
    // It has ended, or is somebody else's.
    return [];
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}
