import type { ResultSink } from "../../expressions/board-plan.ts";
import type { OperandValues } from "../../expressions/operand.ts";

/** A sink of which it is known whether its condition is defined, and whether something waits for a time. */
export class WatchedSink implements ResultSink {
  readonly #sink: ResultSink;
  #isDefined = false;

  constructor(sink: ResultSink) {
    this.#sink = sink;
  }

  /** Whether nothing can change before an input changes or gets too old. */
  get isAtRest(): boolean {
    return this.#isDefined && this.#sink.dueUs === Number.POSITIVE_INFINITY;
  }

  get dueUs(): number {
    return this.#sink.dueUs;
  }

  take(result: number, timeUs: number, values: OperandValues): void {
    this.#isDefined = !Number.isNaN(result);
    this.#sink.take(result, timeUs, values);
  }

  expire(timeUs: number): void {
    this.#sink.expire(timeUs);
  }

  shift(byUs: number): void {
    this.#sink.shift(byUs);
  }
}
