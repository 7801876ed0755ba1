import { launchWorker, type WorkerProcess } from "../consumers/worker-process.ts";
import { usageOf } from "../core/process-usage.ts";

/** What all workers of a fleet share: sections of the worker's settings, and the folder of their settings and logs. */
export type FleetRequest = {
  readonly folder: string;
  readonly group: string;
  readonly broker: Readonly<Record<string, unknown>>;
  readonly sink: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, string>>;
};

/** Workers of one group, each a process of its own, in slots that keep their MQTT session over a restart. */
export class WorkerFleet {
  readonly #request: FleetRequest;
  /** The worker of each slot that was started last. */
  readonly #slots: WorkerProcess[] = [];

  constructor(request: FleetRequest) {
    this.#request = request;
  }

  get size(): number {
    return this.#slots.length;
  }

  /** One more slot, with a worker that runs. */
  async add(): Promise<void> {
    this.#slots.push(await this.#launch(this.#slots.length));
  }

  /** Starts the worker of a slot again; does not wait until it is ready. */
  async start(at: number): Promise<void> {
    this.#slots[at] = await this.#launch(at);
  }

  /** Resolves when each worker is subscribed. */
  async ready(): Promise<void> {
    for (const worker of this.#slots) await worker.ready();
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
    const { child } = this.#worker(at);
    child.signal("SIGKILL");
    await child.ended;
  }

  /** SIGTERM to all; resolves when they are gone. Throws when one does not end well. */
  async stop(graceMs = 30_000): Promise<void> {
    const ends = await Promise.all(this.#slots.map(({ child }) => child.stop(graceMs)));
    const bad = ends.findIndex((end) => end.code !== 0 && end.signal !== "SIGKILL");
    if (bad >= 0) throw new Error(`worker ${bad} ended with ${JSON.stringify(ends[bad])}`);
  }

  /** What the worker says of itself, by name without labels; empty while it does not answer. */
  metrics(at: number): Promise<ReadonlyMap<string, number>> {
    return this.#worker(at).metrics();
  }

  /** Sum of one metric over all workers; what those said that were killed is not in it. */
  async sum(name: string): Promise<number> {
    const all = await Promise.all(this.#slots.map((worker) => worker.metrics()));
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
    return this.#slots.reduce((sum, { child }) => sum + (usageOf(child.pid)?.cpuUs ?? 0), 0);
  }

  #launch(at: number): Promise<WorkerProcess> {
    const { folder, group, broker, sink, environment } = this.#request;
    const settings = { broker, group, sink, gaps: { everySeconds: 10, graceSeconds: 0 } };
    return launchWorker({ folder, slot: String(at), settings, environment });
  }

  #worker(at: number): WorkerProcess {
    const worker = this.#slots[at];
    if (worker === undefined) throw new Error(`there is no worker ${at}`);
    return worker;
  }
}
