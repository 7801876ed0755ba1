import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import type { SleepOrder, SleepReport, SleepStep } from "./sleep-order.ts";
import { resumeAll, SleepSequence } from "./sleep-sequence.ts";

/** "checking-in": it woke by a plan, to hand over what waits and take commands, and goes back to sleep after that. */
export type SleepPhase = "awake" | "going" | "asleep" | "checking-in";

/** The way to sleep and back, as others have it. */
export interface SleepLine {
  phase(): SleepPhase;
  /**
   * Idempotent while going, where a shorter time counts, and while asleep. Resolves when ready, when the budget is over (what was left is
   * told), or when it turned around. Never rejects.
   */
  goToSleep(order: SleepOrder): Promise<SleepReport>;
  /** The vehicle is awake, in every phase: a way to sleep turns around, and a sleep that nobody announced ends as any other. */
  wake(to?: "awake" | "checking-in"): void;
}

export type SleepLineParts = {
  readonly steps: readonly SleepStep[];
  readonly clock: Clock;
  readonly log: Log;
  /** Called after each change, synchronously. */
  readonly onPhase: (phase: SleepPhase, before: SleepPhase) => void;
};

const ALREADY: SleepReport = { outcome: "ready", tookMs: 0, left: [] };

/** The line to sleep and back of one vehicle. */
export class VehicleSleep implements SleepLine {
  readonly #parts: SleepLineParts;
  #phase: SleepPhase = "awake";
  #sequence: SleepSequence | undefined;
  #going: Promise<SleepReport> = Promise.resolve(ALREADY);

  constructor(parts: SleepLineParts) {
    this.#parts = parts;
  }

  phase(): SleepPhase {
    return this.#phase;
  }

  goToSleep(order: SleepOrder): Promise<SleepReport> {
    if (this.#phase === "asleep") return Promise.resolve(ALREADY);
    if (this.#sequence !== undefined) {
      this.#sequence.hurry(order.withinMs);
      return this.#going;
    }
    this.#going = this.#go(order);
    return this.#going;
  }

  wake(to: "awake" | "checking-in" = "awake"): void {
    const { steps, log } = this.#parts;
    const before = this.#phase;
    const sequence = this.#sequence;
    this.#sequence = undefined;
    log.info("sleep.woke", { before });
    if (sequence === undefined) resumeAll(steps);
    else sequence.turnBack();
    this.#move(to);
  }

  /** It has woken by a plan, and somebody needs it: it is awake as by any other wake, and nothing is made anew. */
  stay(): void {
    if (this.#phase === "checking-in") this.#move("awake");
  }

  async #go(order: SleepOrder): Promise<SleepReport> {
    const { steps, clock, log } = this.#parts;
    const sequence = new SleepSequence(steps, { clock, log });
    this.#sequence = sequence;
    this.#move("going");
    log.info("sleep.going", { ...order });
    const report = await sequence.run(order);
    const { outcome, tookMs, left } = report;
    log.info(outcome === "ready" ? "sleep.ready" : "sleep.turned-back", {
      tookMs: Math.round(tookMs),
      left: left.join(", "),
    });
    if (outcome === "ready" && this.#sequence === sequence) {
      this.#sequence = undefined;
      this.#move("asleep");
    }
    return report;
  }

  #move(phase: SleepPhase): void {
    const before = this.#phase;
    if (phase === before) return;
    this.#phase = phase;
    this.#parts.onPhase(phase, before);
  }
}
