import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { EXIT } from "../../../agent/core/errors.ts";
import { type Child, startChild } from "../core/child.ts";
import { usageOf } from "../core/process-usage.ts";

/** RestartSec of systemd's default. */
const RESTART_AFTER_MS = 100;
/** An agent that ends so soon, so many times in a row, cannot run. */
const SHORT_LIFE_MS = 3000;
const MAX_SHORT_LIVES = 5;
const TOLD_BYTES = 600;
const SAMPLE_EVERY_MS = 100;

/** What to run. `environment` leads to the TPM. */
export type SupervisorParts = {
  /** The program, and the arguments before those of its command line. */
  readonly program: readonly [command: string, ...args: string[]];
  readonly configFile: string;
  readonly logFile: string;
  readonly environment: Readonly<Record<string, string>>;
};

/** Runs the agent as systemd would: starts it again when it dies, but not after exit code 78 (RestartPreventExitStatus). Adds up what it uses. */
export class AgentSupervisor {
  readonly #parts: SupervisorParts;
  #child: Child | undefined;
  #isStopping = false;
  #failure: string | undefined;
  #loop: Promise<void> | undefined;
  #sampler: NodeJS.Timeout | undefined;
  /** CPU time of processes that have ended. */
  #endedCpuUs = 0;
  #currentCpuUs = 0;
  #endedWrittenBytes = 0;
  #currentWrittenBytes = 0;
  peakRssBytes = 0;
  starts = 0;
  /** Times that a process ended without being told to. */
  crashes = 0;
  #isKilled = false;

  constructor(parts: SupervisorParts) {
    this.#parts = parts;
  }

  /** Starts the first process and goes on from there. */
  start(): void {
    this.#loop = this.#run();
    this.#sampler = setInterval(() => this.#sample(), SAMPLE_EVERY_MS);
  }

  /** Why the agent cannot be kept running; undefined while it can. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** CPU time of all agent processes so far, µs, in steps of 10 ms. */
  cpuUs(): number {
    this.#sample();
    return this.#endedCpuUs + this.#currentCpuUs;
  }

  /** Bytes that all agent processes wrote to disks so far, as of the last sample. */
  get writtenBytes(): number {
    return this.#endedWrittenBytes + this.#currentWrittenBytes;
  }

  /** SIGKILL; the next process starts by itself. */
  kill(): void {
    this.#sample();
    this.#isKilled = true;
    this.#child?.signal("SIGKILL");
  }

  /** SIGTERM, and time to drain; gives the exit code, undefined when it had to be killed. */
  async stop(graceMs: number): Promise<number | undefined> {
    this.#isStopping = true;
    const end = await this.#child?.stop(graceMs);
    await this.#loop;
    clearInterval(this.#sampler);
    return end?.code;
  }

  async #run(): Promise<void> {
    let shortLives = 0;
    while (!this.#isStopping) {
      this.starts += 1;
      const startedMs = performance.now();
      const [command, ...before] = this.#parts.program;
      this.#child = await startChild({
        command,
        args: [...before, "run", "--strict", "--config", this.#parts.configFile],
        environment: this.#parts.environment,
        logFile: this.#parts.logFile,
      });
      // Asked to stop while the process was being made.
      if (this.#isStopping) await this.#child.stop();
      const { code, signal } = await this.#child.ended;
      this.#endedCpuUs += this.#currentCpuUs;
      this.#currentCpuUs = 0;
      this.#endedWrittenBytes += this.#currentWrittenBytes;
      this.#currentWrittenBytes = 0;
      if (this.#isStopping) return;
      // It asks to be started anew, for what an update has brought.
      const isWanted = code === EXIT.temporary;
      if (!this.#isKilled && !isWanted) this.crashes += 1;
      this.#isKilled = false;
      shortLives = performance.now() - startedMs < SHORT_LIFE_MS && signal === undefined ? shortLives + 1 : 0;
      if (code === EXIT.configuration || shortLives === MAX_SHORT_LIVES) {
        this.#failure = `the agent ended with exit code ${code}: ${endOf(this.#parts.logFile)}\nsee ${this.#parts.logFile}`;
        return;
      }
      await sleep(RESTART_AFTER_MS);
    }
  }

  #sample(): void {
    if (this.#child === undefined || this.#child.hasEnded()) return;
    const usage = usageOf(this.#child.pid);
    if (usage === undefined) return;
    this.#currentCpuUs = Math.max(this.#currentCpuUs, usage.cpuUs);
    this.#currentWrittenBytes = Math.max(this.#currentWrittenBytes, usage.writtenBytes);
    this.peakRssBytes = Math.max(this.peakRssBytes, usage.rssBytes);
  }
}

function endOf(file: string): string {
  return readFileSync(file, "utf8").slice(-TOLD_BYTES).trim();
}

/** Where the daemon answers questions. */
export function viewSocketOf(runtimeDir: string): string {
  return join(runtimeDir, "view.sock");
}
