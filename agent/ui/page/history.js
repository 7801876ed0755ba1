/** Points of all signals together that are kept, at 16 bytes each. */
const MAX_POINTS = 3_000_000;
/** Of one signal: ten minutes at 25 a second. */
const MAX_RING = 15_000;
const FIRST_RING = 256;

/** The newest values of one signal with their times, in order; the oldest go. Grows up to its bound. */
export class Ring {
  /** How many points there are. */
  count = 0;
  #times = new Float64Array(FIRST_RING);
  #values = new Float64Array(FIRST_RING);
  /** Position behind the newest. */
  #end = 0;

  get room() {
    return this.#times.length;
  }

  /** Time of the newest, s; below all times before the first. */
  get lastTime() {
    return this.count === 0 ? -Infinity : this.#times[this.#slot(this.count - 1)];
  }

  /**
   * @param {number} time not before the newest
   * @param {number} value
   * @param {number} most points that may be kept
   */
  push(time, value, most) {
    if (this.count === this.room && this.room < most) this.#resize(Math.min(most, this.room * 2));
    else if (this.room > most) this.#resize(most);
    this.#times[this.#end] = time;
    this.#values[this.#end] = value;
    this.#end = (this.#end + 1) % this.room;
    this.count = Math.min(this.count + 1, this.room);
  }

  /** The points from `from` on as two arrays, and the one before, so that a line does not begin in the middle. @param {number} from */
  since(from) {
    const begin = Math.max(0, this.indexOf(from) - 1);
    /** @type {number[]} */
    const times = [];
    /** @type {number[]} */
    const values = [];
    for (let index = begin; index < this.count; index++) {
      const slot = this.#slot(index);
      times.push(this.#times[slot]);
      values.push(this.#values[slot]);
    }
    return { times, values };
  }

  /** How many points are before `time`. @param {number} time */
  indexOf(time) {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#times[this.#slot(middle)] < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** @param {number} index */
  #slot(index) {
    return (this.#end - this.count + index + this.room) % this.room;
  }

  /** @param {number} room */
  #resize(room) {
    const { times, values } = this.since(-Infinity);
    this.#times = new Float64Array(room);
    this.#values = new Float64Array(room);
    this.count = Math.min(times.length, room);
    this.#times.set(times.slice(-room));
    this.#values.set(values.slice(-room));
    this.#end = this.count % room;
  }
}

/** How many points one of `signals` may keep. @param {number} signals */
export function ringBound(signals) {
  return Math.max(FIRST_RING, Math.min(MAX_RING, Math.floor(MAX_POINTS / Math.max(1, signals))));
}

/**
 * The seconds of [from, to) in which a ring has no point, both ends whole seconds.
 * @param {Ring} ring
 * @param {number} from
 * @param {number} to
 */
export function emptySeconds(ring, from, to) {
  let empty = 0;
  for (let second = from; second < to; second++) if (ring.indexOf(second) === ring.indexOf(second + 1)) empty += 1;
  return empty;
}

/** What was kept of something that is told once in a while, bounded. @template T */
export class Track {
  /** @type {T[]} */
  items = [];
  #most;

  /** @param {number} most */
  constructor(most) {
    this.#most = most;
  }

  /** @param {T} item */
  push(item) {
    this.items.push(item);
    // Cut in one go once in a while: each time would move all of it.
    if (this.items.length > this.#most * 1.25) this.items.splice(0, this.items.length - this.#most);
  }
}
