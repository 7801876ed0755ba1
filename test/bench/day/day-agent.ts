import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { EXIT } from "../../../agent/core/errors.ts";
import { type Child, startChild } from "../core/child.ts";
import { parseLine } from "../core/line-protocol.ts";
import { until } from "../core/wait.ts";
import { dayAgentReport } from "./agent-protocol.ts";
import type { Timeline } from "./timeline.ts";

const PROGRAM = fileURLToPath(new URL("../processes/day-agent.ts", import.meta.url));
const FOLLOW_MS = 20_000;
/** Lines of its log. */
const READY = '"event":"sleep.ready"';
const WOKE = '"event":"sleep.woke"';
const REPORT = '{"kind":"follows"';

/** The agent of a day in its process: what a boot starts, power cuts, and a suspend stops. */
export class DayAgent {
  readonly #configFile: string;
  readonly #logFile: string;
  readonly #pulseFile: string;
  readonly #busAddress: string;
  #child: Child | undefined;
  #told = 0;
  #follows = 0;
  #isStopped = false;
  #isSuspended = false;
  /** Whether it has said that it is ready to sleep, and nothing of a wake since. */
  isAsleep = false;
  /** Processes that were started, and those that ended by themselves. */
  starts = 0;
  crashes = 0;

  constructor(parts: {
    readonly busAddress: string;
    readonly configFile: string;
    readonly pulseFile: string;
    readonly logs: string;
  }) {
    this.#pulseFile = parts.pulseFile;
    this.#busAddress = parts.busAddress;
    this.#configFile = parts.configFile;
    this.#logFile = join(parts.logs, "agent.log");
  }

  /** A process in the boot of that id. One that asks for another start gets it. */
  async start(bootId: string, timeline: Timeline): Promise<void> {
    const settings = JSON.stringify({
      configFile: this.#configFile,
      pulseFile: this.#pulseFile,
      bootId,
      timeline,
    });
    this.starts += 1;
    const child = await startChild({
      command: process.execPath,
      args: [PROGRAM, settings],
      environment: { DBUS_SYSTEM_BUS_ADDRESS: this.#busAddress },
      logFile: this.#logFile,
      onLine: (line) => this.#take(line),
    });
    this.#child = child;
    void child.ended.then(({ code }) => {
      if (this.#child !== child) return;
      if (!this.#isStopped) this.crashes += 1;
      appendFileSync(this.#logFile, `the agent ended with ${code}\n`);
    });
  }

  /** Resolves when the process goes by this timeline. Nothing happens where none runs, or it is suspended. */
  async follow(timeline: Timeline): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.hasEnded() || this.#isSuspended) return;
    const number = ++this.#told;
    child.writeLine(JSON.stringify({ kind: "timeline", number, timeline }));
    await until(() => (this.#follows >= number || child.hasEnded() ? true : undefined), {
      what: "the agent goes by another timeline",
      timeoutMs: FOLLOW_MS,
      everyMs: 2,
    });
  }

  /** Stops the process where it is, as a machine that is suspended does. Its clock must stand already. */
  suspend(): void {
    this.#isSuspended = true;
    this.#child?.signal("SIGSTOP");
  }

  /** Lets it go on. It is to be given the timeline of now. */
  resume(): void {
    this.#isSuspended = false;
    // It has slept, whenever it comes to say so.
    this.isAsleep = false;
    this.#child?.signal("SIGCONT");
  }

  /** Power goes. */
  async cutPower(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    this.#isSuspended = false;
    this.isAsleep = false;
    child?.signal("SIGKILL");
    await child?.ended;
  }

  /** Stops it in order; gives its exit code, undefined when it had to be killed. */
  async stop(graceMs: number): Promise<number | undefined> {
    this.#isStopped = true;
    const end = await this.#child?.stop(graceMs);
    return end?.code ?? (this.#child === undefined ? EXIT.ok : undefined);
  }

  get hasEnded(): boolean {
    return this.#child?.hasEnded() ?? false;
  }

  #take(line: string): void {
    if (line.startsWith(REPORT)) {
      this.#follows = Math.max(this.#follows, parseLine(dayAgentReport, line).number);
      return;
    }
    if (line.includes(READY)) this.isAsleep = true;
    if (line.includes(WOKE)) this.isAsleep = false;
    appendFileSync(this.#logFile, `${line}\n`);
  }
}
