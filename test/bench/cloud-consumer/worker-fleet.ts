import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Child, startChild } from "../core/child.ts";
import { freePorts } from "../core/ports.ts";
import { usageOf } from "../core/process-usage.ts";
import { START_TIMEOUT_MS, until } from "../core/wait.ts";

const PROGRAM = fileURLToPath(new URL("../../../agent/consumer/main.ts", import.meta.url));

/** What all workers of a fleet share: sections of the worker's settings, and the folder of their settings and logs. */
export type FleetRequest = {
  readonly folder: string;
  readonly group: string;
  readonly broker: Readonly<Record<string, unknown>>;
  readonly sink: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, string>>;
};

type Slot = { readonly configFile: string; readonly metricsPort: number; child: Child | undefined };

/** Workers of one group, each a process of its own, in slots that keep their MQTT session over a restart. */
export class WorkerFleet {
  readonly #request: FleetRequest;
  readonly #slots: Slot[] = [];

  constructor(request: FleetRequest) {
    this.#request = request;
  }

  get size(): number {
    return this.#slots.length;
  }

  /** One more slot, with a worker that runs. */
  async add(): Promise<void> {
    const { folder, group, broker, sink } = this.#request;
    const metricsPort = await freePorts(1);
    const name = `worker-${this.#slots.length}`;
    const configFile = join(folder, `${group}-${name}.yaml`);
    const gaps = { everySeconds: 10, graceSeconds: 0 };
    const config = { broker, group, slot: name, sink, gaps, metrics: { port: metricsPort } };
    writeFileSync(configFile, JSON.stringify(config), { mode: 0o600 });
    this.#slots.push({ configFile, metricsPort, child: undefined });
    await this.start(this.#slots.length - 1);
  }

  /** Starts the worker of a slot again; does not wait until it is ready. */
  async start(at: number): Promise<void> {
    const slot = this.#slot(at);
    const { group, folder, environment } = this.#request;
    const logFile = join(folder, `${group}-worker-${at}.log`);
    const args = [PROGRAM, "--config", slot.configFile];
    slot.child = await startChild({ command: process.execPath, args, environment, logFile });
  }

  /** Resolves when each worker is subscribed. */
  async ready(): Promise<void> {
    for (const [at, slot] of this.#slots.entries()) {
      const isUp = async (): Promise<true | undefined> => {
        if (slot.child?.hasEnded() === true) throw new Error(`worker ${at} has ended: see ${this.#request.folder}`);
        return (await this.metrics(at)).get("causeway_consumer_up") === 1 ? true : undefined;
      };
      await until(isUp, { what: `worker ${at} is subscribed`, timeoutMs: START_TIMEOUT_MS });
    }
  }

  /** SIGSTOP to all: their sessions stay, and the broker sets by what comes. */
  pause(): void {
    for (const { child } of this.#slots) child?.signal("SIGSTOP");
  }

  /** SIGCONT to all. */
  resume(): void {
    for (const { child } of this.#slots) child?.signal("SIGCONT");
  }

  /** SIGKILL. */
  async kill(at: number): Promise<void> {
    const { child } = this.#slot(at);
    child?.signal("SIGKILL");
    await child?.ended;
  }

  /** SIGTERM to all; resolves when they are gone. Throws when one does not end well. */
  async stop(graceMs = 30_000): Promise<void> {
    const ends = await Promise.all(this.#slots.map(async ({ child }) => await child?.stop(graceMs)));
    const bad = ends.findIndex((end) => end !== undefined && end.code !== 0 && end.signal !== "SIGKILL");
    if (bad >= 0) throw new Error(`worker ${bad} ended with ${JSON.stringify(ends[bad])}`);
  }

  /** What the worker says of itself, by name without labels; empty while it does not answer. */
  async metrics(at: number): Promise<ReadonlyMap<string, number>> {
    const answer = await fetch(`http://127.0.0.1:${this.#slot(at).metricsPort}/metrics`).catch(() => undefined);
    const text = (await answer?.text().catch(() => "")) ?? "";
    const lines = text.split("\n").map((line) => /^(\w+) (\S+)$/.exec(line));
    return new Map(lines.flatMap((line) => (line === null ? [] : [[line[1], Number(line[2])] as const])));
  }

  /** Sum of one metric over all workers; what those said that were killed is not in it. */
  async sum(name: string): Promise<number> {
    const all = await Promise.all(this.#slots.map((_, at) => this.metrics(at)));
    return all.reduce((total, metrics) => total + (metrics.get(name) ?? 0), 0);
  }

  /** Whether all that has come to the workers is where readers look. */
  async isAtRest(): Promise<boolean> {
    const waiting = ["causeway_consumer_in_hand", "causeway_consumer_oldest_staged_seconds"];
    const counts = await Promise.all(waiting.map((name) => this.sum(name)));
    return counts.every((count) => count === 0);
  }

  /** CPU time of the workers that run, since each was started, µs. */
  cpuUs(): number {
    return this.#slots.reduce((sum, { child }) => sum + usageUs(child), 0);
  }

  #slot(at: number): Slot {
    const slot = this.#slots[at];
    if (slot === undefined) throw new Error(`there is no worker ${at}`);
    return slot;
  }
}

function usageUs(child: Child | undefined): number {
  return child === undefined ? 0 : (usageOf(child.pid)?.cpuUs ?? 0);
}
