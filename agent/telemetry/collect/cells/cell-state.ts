/** Cells that are kept together: of a large grid only what has changed is written. */
export const CHUNK_CELLS = 64;

/** What a state has room for. */
export type CellShape = {
  readonly cells: number;
  /** Numbers that the sampler remembers beside them, also after a report. */
  readonly carried: number;
  /** Numbers that it remembers until the next report. */
  readonly listed: number;
};

/** The cells of one signal (of two, of a grid) since the last report, and what it takes to go on after a restart as if there had been none. */
export class CellState {
  /** Whole numbers below 2^53. */
  readonly cells: Float64Array;
  /** The sampler's own: first those that are carried over a report, then the others. NaN: none. */
  readonly memory: Float64Array;
  /** Earliest and latest sample, µs since the Unix epoch; NaN: none came. */
  fromUs = Number.NaN;
  toUs = Number.NaN;
  /** The newest sample; NaN: nothing holds. */
  lastUs = Number.NaN;
  /** Number of the period since the Unix epoch; NaN: none is open. */
  period = Number.NaN;
  /** Samples that were NaN. */
  leftOut = 0;
  /** Times that nothing was counted for: a gap too long, a step back of the clock or of a counter. */
  skipped = 0;
  /** Monotonic time at which the period was first met, ms; NaN: not yet. Not kept. */
  metMs = Number.NaN;
  /** Whether something else than the chunks has changed since it was written last. */
  isChanged = false;
  /** By chunk of cells: 1 where it has changed since, and where it is written at all. */
  readonly changedChunks: Uint8Array;
  readonly writtenChunks: Uint8Array;
  readonly #carried: number;

  constructor({ cells, carried, listed }: CellShape) {
    this.cells = new Float64Array(cells);
    this.memory = new Float64Array(carried + listed).fill(Number.NaN);
    this.changedChunks = new Uint8Array(Math.ceil(cells / CHUNK_CELLS));
    this.writtenChunks = new Uint8Array(this.changedChunks.length);
    this.#carried = carried;
  }

  /** Whether no sample has come since the last report. */
  get isEmpty(): boolean {
    return Number.isNaN(this.fromUs);
  }

  count(cell: number, amount: number): void {
    this.cells[cell] += amount;
    this.changedChunks[Math.floor(cell / CHUNK_CELLS)] = 1;
  }

  /** A sample came. */
  note(timeUs: number): void {
    this.isChanged = true;
    this.lastUs = timeUs;
    if (!(this.fromUs <= timeUs)) this.fromUs = timeUs;
    if (!(this.toUs >= timeUs)) this.toUs = timeUs;
  }

  /** A sample that was NaN came. */
  leaveOut(): void {
    this.isChanged = true;
    this.leftOut += 1;
  }

  /** Nothing holds any more. */
  letGo(): void {
    this.isChanged = true;
    this.lastUs = Number.NaN;
  }

  /** Nothing of it is written any more, and it is as it was then. */
  forgetWritten(): void {
    this.isChanged = false;
    this.changedChunks.fill(0);
    this.writtenChunks.fill(0);
  }

  /** After a report. */
  clear(): void {
    this.isChanged = true;
    this.cells.fill(0);
    this.changedChunks.set(this.writtenChunks);
    this.memory.fill(Number.NaN, this.#carried);
    this.fromUs = Number.NaN;
    this.toUs = Number.NaN;
    this.leftOut = 0;
    this.skipped = 0;
  }
}
