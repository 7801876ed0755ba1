import type { CloseCause, Reading, SamplerInput } from "../sampler.ts";
import { binOf } from "./bins.ts";
import { CellLedger, type CellPlace, HOLD_MS } from "./cell-ledger.ts";
import type { CellShape, CellState } from "./cell-state.ts";
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

/** Of a grid with so many edges. */
export function gridShape(xEdges: number, yEdges: number): CellShape {
  return { cells: (xEdges + 1) * (yEdges + 1), carried: 4, listed: 0 };
}

/**
 * Counts in which bins the values of two signals are together: each sample of one is taken with the newest of the other, which must not
 * be older than `HOLD_MS` by then. NaN is left out. Signals with the outputs 2n and 2n + 1 are x and y of one grid; of J1939 messages
 * those of one sender are.
 */
export class GridSampler implements KeptSampler {
  readonly ledger: CellLedger;
  readonly #edges: readonly [Float64Array, Float64Array];
  readonly #byTime: boolean;
  readonly #yBins: number;
  readonly #inputs: SamplerInput[] = [];
  /** By local number; undefined while the other signal is missing. */
  readonly #states: (CellState | undefined)[] = [];
  /** Local number of a signal whose partner has not come, by the name of their grid. */
  readonly #single = new Map<string, number>();

  constructor({ xEdges, yEdges, by, everyMs, perTrip }: GridSettings, place: CellPlace) {
    this.#yBins = yEdges.length + 1;
    const shape = gridShape(xEdges.length, yEdges.length);
    const plan = { kind: "histogram", by, edges: [xEdges, yEdges], shape, everyMs, perTrip } as const;
    this.ledger = new CellLedger(plan, place, (state) => this.#cellOf(state));
    this.#edges = [Float64Array.from(xEdges), Float64Array.from(yEdges)];
    this.#byTime = by === "time";
  }

  add(input: SamplerInput): number {
    const local = this.#inputs.push(input) - 1;
    const grid = `${Math.floor(input.output / 2)} ${input.origin?.source ?? ""}`;
    const partner = this.#single.get(grid);
    this.#states.push(undefined);
    if (partner === undefined || axisOf(this.#inputs[partner]) === axisOf(input)) {
      this.#single.set(grid, local);
      return local;
    }
    this.#single.delete(grid);
    const [x, y] = axisOf(input) === 0 ? [input, this.#inputs[partner]] : [this.#inputs[partner], input];
    this.#states[local] = this.ledger.stateOf([signalOf(x), signalOf(y)]);
    this.#states[partner] = this.#states[local];
    return local;
  }

  take(local: number, { raw, timeUs }: Reading): void {
    const state = this.#states[local];
    if (state === undefined) return;
    if (Number.isNaN(raw)) {
      state.leaveOut();
      return;
    }
    const input = this.#inputs[local];
    const axis = axisOf(input);
    if (this.#byTime) this.#countHeld(state, timeUs);
    this.ledger.enter(state, timeUs);
    state.memory[BINS[axis]] = binOf(this.#edges[axis], raw * input.factor + input.offset);
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

/** x or y. */
function axisOf({ output }: SamplerInput): 0 | 1 {
  return output % 2 === 0 ? 0 : 1;
}
