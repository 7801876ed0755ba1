import type { CloseCause, Reading, SamplerInput } from "../sampler.ts";
import { binOf } from "./bins.ts";
import { CellLedger, type CellPlace, HOLD_MS } from "./cell-ledger.ts";
import type { CellState } from "./cell-state.ts";
import { signalOf } from "./counted-signal.ts";
import type { PeriodSettings } from "./histogram-sampler.ts";
import type { KeptSampler } from "./kept-sampler.ts";

export type GridSettings = PeriodSettings & {
  /** Of the first and of the second signal; as of a histogram. Cell x * ny + y is of bin x of the first and y of the second, which has ny. */
  readonly xEdges: readonly number[];
  readonly yEdges: readonly number[];
  /** "time": µs for which both values held; "samples": samples of either. */
  readonly by: "time" | "samples";
};

/** Places in the memory of a state: bin of each signal, and when it was seen. */
const BINS = [0, 1] as const;
const SEEN_US = [2, 3] as const;

/**
 * Counts in which bins the values of two signals are together: each sample of one is taken with the newest of the other, which must not
 * be older than `HOLD_MS` by then. NaN is left out. The first signal added is x, the second y; further ones are x and y of a grid of
 * their own.
 */
export class GridSampler implements KeptSampler {
  readonly ledger: CellLedger;
  readonly #edges: readonly [Float64Array, Float64Array];
  readonly #byTime: boolean;
  readonly #yBins: number;
  readonly #inputs: SamplerInput[] = [];
  /** Of each two signals; an x without its y has none. */
  readonly #states: CellState[] = [];

  constructor({ xEdges, yEdges, by, everyMs, perTrip }: GridSettings, place: CellPlace) {
    this.#yBins = yEdges.length + 1;
    const shape = { cells: (xEdges.length + 1) * this.#yBins, carried: 4, listed: 0 };
    const plan = { kind: "histogram", by, edges: [xEdges, yEdges], shape, everyMs, perTrip } as const;
    this.ledger = new CellLedger(plan, place, (state) => this.#cellOf(state));
    this.#edges = [Float64Array.from(xEdges), Float64Array.from(yEdges)];
    this.#byTime = by === "time";
  }

  add(input: SamplerInput): number {
    const local = this.#inputs.push(input) - 1;
    if (local % 2 === 1) this.#states.push(this.ledger.stateOf([signalOf(this.#inputs[local - 1]), signalOf(input)]));
    return local;
  }

  take(local: number, { raw, timeUs }: Reading): void {
    const pair = Math.floor(local / 2);
    if (pair >= this.#states.length) return;
    const state = this.#states[pair];
    if (Number.isNaN(raw)) {
      state.leaveOut();
      return;
    }
    const { factor, offset } = this.#inputs[local];
    const axis = local % 2 === 0 ? 0 : 1;
    if (this.#byTime) this.#countHeld(state, timeUs);
    this.ledger.enter(state, timeUs);
    state.memory[BINS[axis]] = binOf(this.#edges[axis], raw * factor + offset);
    state.memory[SEEN_US[axis]] = timeUs;
    if (!this.#byTime && this.#isBothFresh(state, timeUs)) state.count(this.#cellOf(state), 1);
  }

  close(nowMs: number, cause: CloseCause): void {
    this.ledger.close(nowMs, cause);
  }

  /** Time counts while both are known; where one is too old, the gap is skipped as that of a signal is. */
  #countHeld(state: CellState, timeUs: number): void {
    if (Number.isNaN(state.memory[SEEN_US[0]]) || Number.isNaN(state.memory[SEEN_US[1]])) return;
    if (this.#isBothFresh(state, timeUs)) this.ledger.countHeld(state, timeUs);
    else if (!Number.isNaN(state.lastUs)) state.skipped += 1;
  }

  #isBothFresh({ memory }: CellState, timeUs: number): boolean {
    const xAgeUs = timeUs - memory[SEEN_US[0]];
    const yAgeUs = timeUs - memory[SEEN_US[1]];
    return xAgeUs >= 0 && yAgeUs >= 0 && Math.max(xAgeUs, yAgeUs) <= HOLD_MS * 1000;
  }

  #cellOf({ memory }: CellState): number {
    return memory[BINS[0]] * this.#yBins + memory[BINS[1]];
  }
}
