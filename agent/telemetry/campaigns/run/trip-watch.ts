import type { ResultSink } from "../../expressions/board-plan.ts";

/** A trip ends when its condition has not been true for so long, µs: a stop at a light is none. */
const END_AFTER_US = 60_000_000;

/** Finds the end of trips: the condition of a trip was true, and then for a time, a minute where nobody says, it was not. */
export class TripWatch implements ResultSink {
  dueUs = Number.POSITIVE_INFINITY;
  readonly #endAfterUs: number;
  #isOn = false;
  #ended = false;

  constructor(endAfterUs = END_AFTER_US) {
    this.#endAfterUs = endAfterUs;
  }

  take(result: number, timeUs: number): void {
    if (result === 1) {
      this.#isOn = true;
      this.dueUs = Number.POSITIVE_INFINITY;
    } else if (this.#isOn && this.dueUs === Number.POSITIVE_INFINITY) {
      this.dueUs = timeUs + this.#endAfterUs;
    }
  }

  expire(): void {
    this.#ended = this.#isOn;
    this.#isOn = false;
    this.dueUs = Number.POSITIVE_INFINITY;
  }

  shift(byUs: number): void {
    this.dueUs += byUs;
  }

  /** As `takeEnd`, which may still be asked. */
  get hasEnded(): boolean {
    return this.#ended;
  }

  /** Whether a trip has ended since it was asked last. */
  takeEnd(): boolean {
    const ended = this.#ended;
    this.#ended = false;
    return ended;
  }
}
