/**
 * When each of a fixed number of things is due, the next one first: a binary heap in typed arrays, each thing in it once. On the frame
 * path: allocates nothing, and `nextUs` is a read.
 */
export class TimerHeap {
  /** When the first is due, µs; infinite when none is. */
  nextUs = Number.POSITIVE_INFINITY;
  readonly #dueUs: Float64Array;
  readonly #heap: Int32Array;
  readonly #places: Int32Array;

  constructor(count: number) {
    this.#dueUs = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
    this.#heap = Int32Array.from({ length: count }, (_, at) => at);
    this.#places = Int32Array.from(this.#heap);
  }

  /** The thing that is due at `nextUs`. */
  get next(): number {
    return this.#heap[0];
  }

  dueUs(thing: number): number {
    return this.#dueUs[thing];
  }

  /** Infinite: not due. */
  set(thing: number, dueUs: number): void {
    const before = this.#dueUs[thing];
    if (dueUs === before) return;
    this.#dueUs[thing] = dueUs;
    if (dueUs < before) this.#rise(this.#places[thing]);
    else this.#sink(this.#places[thing]);
    this.nextUs = this.#dueUs[this.#heap[0]];
  }

  /** Moves all by a step of the clock. */
  shift(byUs: number): void {
    for (let thing = 0; thing < this.#dueUs.length; thing++) this.#dueUs[thing] += byUs;
    this.nextUs += byUs;
  }

  #rise(from: number): void {
    const heap = this.#heap;
    const thing = heap[from];
    const dueUs = this.#dueUs[thing];
    let place = from;
    while (place > 0) {
      const above = (place - 1) >> 1;
      if (this.#dueUs[heap[above]] <= dueUs) break;
      this.#put(place, heap[above]);
      place = above;
    }
    this.#put(place, thing);
  }

  #sink(from: number): void {
    const heap = this.#heap;
    const thing = heap[from];
    const dueUs = this.#dueUs[thing];
    let place = from;
    for (;;) {
      let below = 2 * place + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && this.#dueUs[heap[below + 1]] < this.#dueUs[heap[below]]) below += 1;
      if (this.#dueUs[heap[below]] >= dueUs) break;
      this.#put(place, heap[below]);
      place = below;
    }
    this.#put(place, thing);
  }

  #put(place: number, thing: number): void {
    this.#heap[place] = thing;
    this.#places[thing] = place;
  }
}
