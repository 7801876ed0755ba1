import type { Clock } from "../../core/clock.ts";
import { messageOf } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import type { SleepOrder, SleepReport, SleepStep } from "./sleep-order.ts";

/** Of the time there is, steps before them leave at most this share for those that keep some. */
const KEPT_SHARE = 0.5;

type Parts = { readonly clock: Clock; readonly log: Log };

/** One way to sleep through its steps, in their order and within one budget; it can hurry, and turn around at every point. */
export class SleepSequence {
  readonly #steps: readonly SleepStep[];
  readonly #parts: Parts;
  readonly #begun: SleepStep[] = [];
  readonly #turned = new AbortController();
  #endMs = Number.POSITIVE_INFINITY;
  #endStep: () => void = () => undefined;

  constructor(steps: readonly SleepStep[], parts: Parts) {
    this.#steps = steps;
    this.#parts = parts;
  }

  /** Runs once. Never rejects: a step that fails is told, and left. */
  async run(order: SleepOrder): Promise<SleepReport> {
    const { clock } = this.#parts;
    const startMs = clock.monotonicMs();
    this.hurry(order.withinMs);
    const left: string[] = [];
    for (const [index, step] of this.#steps.entries()) {
      if (this.#turned.signal.aborted) break;
      const withinMs = this.#shareOf(index);
      if (withinMs <= 0 || !(await this.#runStep(step, order, withinMs))) left.push(step.name);
    }
    const outcome = this.#turned.signal.aborted ? "turned-back" : "ready";
    return { outcome, tookMs: clock.monotonicMs() - startMs, left };
  }

  /** From now on there is at most this time, ms. */
  hurry(withinMs: number): void {
    const { clock } = this.#parts;
    const endMs = clock.monotonicMs() + withinMs;
    if (endMs >= this.#endMs) return;
    this.#endMs = endMs;
    const endStep = this.#endStep;
    void clock.sleep(withinMs, this.#turned.signal).then(() => endStep());
  }

  /** Turns around: what has begun is resumed, the last first, and `run` resolves. */
  turnBack(): void {
    if (this.#turned.signal.aborted) return;
    this.#turned.abort();
    resumeAll(this.#begun);
    this.#endStep();
  }

  /** What is left for a step, without what later ones keep, ms. */
  #shareOf(index: number): number {
    const leftMs = this.#endMs - this.#parts.clock.monotonicMs();
    const keptMs = this.#steps.slice(index + 1).reduce((sum, { keepsMs = 0 }) => sum + keepsMs, 0);
    return Math.floor(leftMs - Math.min(keptMs, leftMs * KEPT_SHARE));
  }

  /** Gives whether it has ended well and in time. */
  async #runStep(step: SleepStep, order: SleepOrder, withinMs: number): Promise<boolean> {
    const { clock, log } = this.#parts;
    const startMs = clock.monotonicMs();
    const done = new AbortController();
    const late = Promise.withResolvers<"late">();
    this.#endStep = () => late.resolve("late");
    this.#begun.push(step);
    const prepared = step.prepare(order, withinMs).then(
      () => "done" as const,
      (thrown: unknown) => {
        log.error("sleep.step-failed", { step: step.name, what: messageOf(thrown) });
        return "failed" as const;
      },
    );
    void clock.sleep(withinMs, done.signal).then(() => late.resolve("late"));
    const end = await Promise.race([prepared, late.promise]);
    done.abort();
    if (end === "late" && !this.#turned.signal.aborted) {
      log.warn("sleep.step-late", { step: step.name, tookMs: Math.round(clock.monotonicMs() - startMs) });
    }
    return end === "done";
  }
}

/** Resumes steps, the last first, as what is further down the line is up before what needs it. */
export function resumeAll(steps: readonly SleepStep[]): void {
  for (const step of steps.toReversed()) step.resume();
}
