import type { ResultSink } from "../../telemetry/expressions/board-plan.ts";

/** Shortest time between two events, ms: what asks for less gets this. */
export const LEAST_INTERVAL_MS = 10;

/** When a scheme collects: its condition is true and the interval has passed since the event before, or since the scheme began. */
export type SchemeTriggerSettings = {
  readonly intervalMs: number;
  /** From the event until its samples are taken. */
  readonly afterMs: number;
  /** Only when the condition becomes true, and not if it is at first; otherwise again and again while it is. */
  readonly risingEdge: boolean;
};

/**
 * Takes the samples of an event: those received until `untilUs`. Called inside the board; `isOfFrame`: by the frame that made the
 * condition true, whose own samples belong to the event and are still to come.
 */
export type TakeSamples = (eventUs: number, untilUs: number, isOfFrame: boolean) => void;

/**
 * Fires by the results of a condition, as AWS IoT FleetWise Edge does (CollectionInspectionEngine::evaluateConditions): an edge within
 * the interval counts when that is over, if the condition is still true; there is no second event before the samples of one are taken.
 *
 * Not as there: a condition over a signal that was never seen is not true, also before it was evaluated for the first time.
 */
export class SchemeTrigger implements ResultSink {
  readonly #intervalUs: number;
  readonly #afterUs: number;
  readonly #risingEdge: boolean;
  readonly #takeSamples: TakeSamples;
  #fired = 0;
  #isTrue = false;
  #wasTrue = true;
  /** The event before, at first the beginning. */
  #lastUs = Number.NaN;
  /** Of the event whose samples are still to be taken. */
  #openUs = Number.NaN;
  #dueUs = Number.POSITIVE_INFINITY;

  constructor({ intervalMs, afterMs, risingEdge }: SchemeTriggerSettings, takeSamples: TakeSamples) {
    this.#intervalUs = Math.max(LEAST_INTERVAL_MS, intervalMs) * 1000;
    this.#afterUs = afterMs * 1000;
    this.#risingEdge = risingEdge;
    this.#takeSamples = takeSamples;
  }

  /** Events so far. */
  get fired(): number {
    return this.#fired;
  }

  get dueUs(): number {
    return this.#dueUs;
  }

  take(result: number, timeUs: number): void {
    if (Number.isNaN(this.#lastUs)) this.#lastUs = timeUs;
    this.#isTrue = result === 1;
    if (!this.#isTrue) this.#wasTrue = false;
    this.#consider(timeUs, true);
  }

  expire(timeUs: number): void {
    const openUs = this.#openUs;
    if (openUs + this.#afterUs <= timeUs) {
      this.#openUs = Number.NaN;
      this.#takeSamples(openUs, timeUs, false);
    }
    this.#consider(timeUs, false);
  }

  shift(byUs: number): void {
    this.#lastUs += byUs;
    this.#openUs += byUs;
    this.#dueUs += byUs;
  }

  /** Fires where it may, and says when to look again. */
  #consider(timeUs: number, isOfFrame: boolean): void {
    this.#dueUs = Number.POSITIVE_INFINITY;
    const mayUs = this.#lastUs + this.#intervalUs;
    const isOpen = !Number.isNaN(this.#openUs);
    if (this.#isTrue && timeUs >= mayUs) {
      const isEdge = !this.#wasTrue;
      this.#wasTrue = true;
      if (!isOpen && (isEdge || !this.#risingEdge)) this.#fire(timeUs, isOfFrame);
    }
    if (!Number.isNaN(this.#openUs)) this.#dueUs = this.#openUs + this.#afterUs;
    else if (this.#isTrue && (!this.#risingEdge || !this.#wasTrue)) this.#dueUs = this.#lastUs + this.#intervalUs;
  }

  #fire(timeUs: number, isOfFrame: boolean): void {
    this.#fired += 1;
    this.#lastUs = timeUs;
    if (this.#afterUs > 0) this.#openUs = timeUs;
    else this.#takeSamples(timeUs, timeUs, isOfFrame);
  }
}
