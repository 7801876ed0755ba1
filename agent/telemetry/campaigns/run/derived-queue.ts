import type { DerivedSink } from "../../expressions/value-board.ts";

const FIRST_CAPACITY = 16;

/**
 * Holds samples of derived signals back until the conditions of the same moment are known: what one of these opens gets the sample that
 * opened it, and what it closes gets none more. On the frame path: allocates nothing but for growth.
 */
export class DerivedQueue implements DerivedSink {
  readonly #sink: DerivedSink;
  #count = 0;
  #outputs = new Int32Array(FIRST_CAPACITY);
  #values = new Float64Array(FIRST_CAPACITY);
  #timesUs = new Float64Array(FIRST_CAPACITY);

  constructor(sink: DerivedSink) {
    this.#sink = sink;
  }

  takeDerived(output: number, value: number, timeUs: number): void {
    const at = this.#count;
    if (at === this.#outputs.length) this.#grow();
    this.#outputs[at] = output;
    this.#values[at] = value;
    this.#timesUs[at] = timeUs;
    this.#count = at + 1;
  }

  /** Hands all over, in their order. */
  handOut(): void {
    const count = this.#count;
    this.#count = 0;
    for (let at = 0; at < count; at++) {
      this.#sink.takeDerived(this.#outputs[at], this.#values[at], this.#timesUs[at]);
    }
  }

  #grow(): void {
    const outputs = new Int32Array(this.#outputs.length * 2);
    const values = new Float64Array(outputs.length);
    const timesUs = new Float64Array(outputs.length);
    outputs.set(this.#outputs);
    values.set(this.#values);
    timesUs.set(this.#timesUs);
    this.#outputs = outputs;
    this.#values = values;
    this.#timesUs = timesUs;
  }
}
