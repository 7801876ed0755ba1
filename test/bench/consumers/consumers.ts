import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Child, startChild } from "../core/child.ts";
import { parseLine } from "../core/line-protocol.ts";
import { START_TIMEOUT_MS, until } from "../core/wait.ts";
import { type ConsumerConfig, type ConsumerReport, consumerReport, type ReportedPhase } from "./consumer-protocol.ts";
import { DeliveryAccount } from "./delivery-account.ts";

const ENTRY = fileURLToPath(new URL("../processes/consumer.ts", import.meta.url));
const MAX_REMARKS = 20;

/** Newest value of one watched signal. */
export type Latest = { readonly value: number; readonly unit: string; readonly timeUs: number };
type Report = Extract<ConsumerReport, { kind: "report" }>;

/** The consumer processes, and the account of what they have received together. */
export class Consumers {
  readonly account = new DeliveryAccount();
  readonly latest = new Map<string, Latest>();
  /** Phases of updates by their number; repeats are left out. */
  readonly phases = new Map<number, ReportedPhase>();
  /** The first mismatches, in words. */
  readonly remarks: string[] = [];
  readonly #children: Child[] = [];
  readonly #waiting = new Map<string, number>();
  /** How often each has subscribed. */
  readonly #subscriptions = new Map<string, number>();
  #failure: string | undefined;
  #isStopping = false;
  mismatches = 0;
  unverified = 0;
  /** Frames that the delivered counters prove to have been received. */
  framesProven = 0;

  /** Starts one process and resolves when it has its subscriptions. */
  async start(config: ConsumerConfig, configFile: string, logFolder: string): Promise<void> {
    const child = await startChild({
      command: process.execPath,
      args: [ENTRY, configFile],
      logFile: join(logFolder, `${config.name}.log`),
      onLine: (line) => {
        const report = parseLine(consumerReport, line);
        if (report.kind === "ready") this.#subscriptions.set(config.name, this.#subscribedBy(config.name) + 1);
        else this.#take(config, report);
      },
    });
    this.#children.push(child);
    void child.ended.then(({ code, signal }) => {
      if (!this.#isStopping) this.#failure ??= `${config.name} ended with ${code ?? signal}`;
    });
    await until(() => (this.#subscribedBy(config.name) > 0 || this.#failure !== undefined ? true : undefined), {
      what: `${config.name} is subscribed`,
      timeoutMs: START_TIMEOUT_MS,
    });
    if (this.#failure !== undefined) throw new Error(this.#failure);
  }

  /**
   * Lets judging begin: the wall time of the vehicle's first frame, µs since the Unix epoch; and wall time less boottime of this machine, µs,
   * where the vehicle's clock may be moved.
   */
  begin(startUs: number, distanceUs?: number): void {
    for (const child of this.#children) child.writeLine(JSON.stringify({ kind: "start", startUs, distanceUs }));
  }

  /** How often all of them have subscribed: once at their start, and after each new connection. */
  subscriptions(): number {
    return Math.min(...this.#subscriptions.values());
  }

  /** Why the consumers cannot be relied on; undefined while they can. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Records that wait for their signal table. */
  waiting(): number {
    return [...this.#waiting.values()].reduce((sum, count) => sum + count, 0);
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#children.map((child) => child.stop()));
  }

  #subscribedBy(name: string): number {
    return this.#subscriptions.get(name) ?? 0;
  }

  #take(config: ConsumerConfig, report: Exclude<ConsumerReport, { kind: "ready" }>): void {
    if (report.kind === "failed") this.#failure ??= `${config.name}: ${report.what}`;
    else this.#enter(config, report);
  }

  #enter({ name, thing }: ConsumerConfig, report: Report): void {
    for (const loss of report.losses) this.account.noteLoss(loss);
    for (const phase of report.phases) if (!this.phases.has(phase.number)) this.phases.set(phase.number, phase);
    for (const delivery of report.deliveries) {
      const isNew = this.account.note({ ...delivery, consumer: name, thing });
      if (!isNew) continue;
      this.mismatches += delivery.mismatches;
      this.unverified += delivery.unverified;
      this.framesProven += delivery.frames;
    }
    this.mismatches += report.broken;
    this.#waiting.set(name, report.waiting);
    for (const [signal, latest] of Object.entries(report.latest)) {
      if (latest.timeUs >= (this.latest.get(signal)?.timeUs ?? 0)) this.latest.set(signal, latest);
    }
    this.remarks.push(...report.remarks.slice(0, MAX_REMARKS - this.remarks.length));
  }
}
