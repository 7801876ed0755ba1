import type { Column } from "./columns.ts";

/** Times that columns share, µs since the Unix epoch, and which of them each column has. */
export type SharedAxes = { readonly axes: readonly Float64Array[]; readonly axisOf: Uint32Array };

/**
 * The axes of columns, of those that are equal once they are rounded one. Signals of one message lie side by side, so an equal axis is looked
 * for among those of the same message first.
 */
export function shareAxes(columns: readonly Column[], tickOf: (timeUs: number) => number): SharedAxes {
  const known = new KnownAxes<Float64Array>(tickOf);
  const axisOf = new Uint32Array(columns.length);
  let current = -1;
  /** Those of the message, by their numbers. */
  let own: number[] = [];
  columns.forEach(({ group, timesUs }, at) => {
    if (group !== current) {
      current = group;
      own = [];
    }
    const found = own.find((axis) => areEqual(known.axes[axis], timesUs));
    axisOf[at] = found ?? known.axisOf(timesUs);
    if (found === undefined) own.push(axisOf[at]);
  });
  return { axes: known.axes, axisOf };
}

/** Axes, each once: what `tickOf` makes of its times is in no other. */
export class KnownAxes<T extends Float64Array | readonly number[]> {
  readonly axes: T[] = [];
  readonly #tickOf: (time: number) => number;
  /** By length and ends. */
  readonly #alike = new Map<string, number[]>();

  constructor(tickOf: (time: number) => number) {
    this.#tickOf = tickOf;
  }

  /** The axis that is the same once it is rounded, or a new one. `times` are not empty. */
  axisOf(times: T): number {
    const last = times.length - 1;
    const key = `${last} ${this.#tickOf(times[0])} ${this.#tickOf(times[last])}`;
    const alike = this.#alike.get(key) ?? [];
    const found = alike.find((axis) => this.#haveEqualTicks(this.axes[axis], times));
    if (found !== undefined) return found;
    this.axes.push(times);
    this.#alike.set(key, [...alike, this.axes.length - 1]);
    return this.axes.length - 1;
  }

  #haveEqualTicks(left: T, right: T): boolean {
    for (let at = 0; at < right.length; at++) if (this.#tickOf(left[at]) !== this.#tickOf(right[at])) return false;
    return true;
  }
}

function areEqual(one: Float64Array, other: Float64Array): boolean {
  if (one.length !== other.length) return false;
  for (let at = 0; at < one.length; at++) {
    if (one[at] !== other[at]) return false;
  }
  return true;
}
