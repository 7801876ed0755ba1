import { AgentError } from "../../../agent/core/errors.ts";
import type { PowerManager, PowerOrder, PowerSink } from "../../../agent/ports/power-manager.ts";

/** A system whose power the test commands. `lock` and `suspends` are what it would see of the agent. */
export class FakePowerManager implements PowerManager {
  lock: "none" | "held" | "released" = "none";
  /** How often suspend was asked for. */
  suspends = 0;
  /** What `start`, `suspend` and `fault` give while it is set. */
  trouble: "power.unavailable" | "power.denied" | undefined;
  readonly #delayMs: number;
  #sink: PowerSink | undefined;
  #order: PowerOrder | undefined;

  constructor(delayMs = 4500) {
    this.#delayMs = delayMs;
  }

  async start(sink: PowerSink): Promise<void> {
    this.#sink = sink;
    this.#check();
    this.lock = "held";
  }

  fault(): AgentError | undefined {
    if (this.trouble === undefined) return undefined;
    return new AgentError(this.trouble, { what: "no lock", remedy: "ask the test" });
  }

  delayMs(): number {
    return this.#delayMs;
  }

  release(): void {
    if (this.#order !== undefined && this.lock === "held") this.lock = "released";
  }

  async suspend(): Promise<void> {
    this.#check();
    this.suspends += 1;
  }

  async stop(): Promise<void> {
    this.#sink = undefined;
    this.lock = "none";
  }

  /** The system is about to. A repeat of the same is not told. */
  order(kind: PowerOrder["kind"]): void {
    if (this.#order?.kind === kind) return;
    this.#order = { kind };
    this.#sink?.onOrder(this.#order);
  }

  /** The system's patience is over: the lock is let go. */
  runOut(): void {
    this.release();
  }

  /** Back from it. */
  wake(): void {
    if (this.#order === undefined) return;
    this.#order = undefined;
    this.lock = this.#sink === undefined ? "none" : "held";
    this.#sink?.onWake();
  }

  #check(): void {
    const fault = this.fault();
    if (fault !== undefined) throw fault;
  }
}
