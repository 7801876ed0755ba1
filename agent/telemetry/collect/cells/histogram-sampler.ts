import type { CloseCause, Reading, SamplerInput } from "../sampler.ts";
import { binOf } from "./bins.ts";
import { CellLedger, type CellPlace } from "./cell-ledger.ts";
import type { CellShape, CellState } from "./cell-state.ts";
import { signalOf } from "./counted-signal.ts";
import type { KeptSampler } from "./kept-sampler.ts";

/** When cells are reported and begin anew. */
export type PeriodSettings = {
  /** Periods are whole multiples of it since the Unix epoch, by receive time; longer than `HOLD_MS`. */
  readonly everyMs: number;
  readonly perTrip: boolean;
};

export type HistogramSettings = PeriodSettings & {
  /** They rise, in the signal's unit. Cell 0 is below the first, cell i from edge i-1 up to below edge i. */
  readonly edges: readonly number[];
  /** "time": µs for which a value held until the next sample; "samples": how many there were. */
  readonly by: "time" | "samples";
};

/** Place in the memory of a state: the bin of the newest sample. */
const HELD = 0;

/** Of a histogram with so many edges. */
export function histogramShape(edges: number): CellShape {
  return { cells: edges + 1, carried: 1, listed: 0 };
}

/** Counts in which bin the physical values of signals are. NaN is left out. */
export class HistogramSampler implements KeptSampler {
  readonly ledger: CellLedger;
  readonly #edges: Float64Array;
  readonly #byTime: boolean;
  readonly #inputs: SamplerInput[] = [];
  readonly #states: CellState[] = [];

  constructor({ edges, by, everyMs, perTrip }: HistogramSettings, place: CellPlace) {
    const shape = histogramShape(edges.length);
    const plan = { kind: "histogram", by, edges: [edges], shape, everyMs, perTrip } as const;
    this.ledger = new CellLedger(plan, place, ({ memory }) => memory[HELD]);
    this.#edges = Float64Array.from(edges);
    this.#byTime = by === "time";
  }

  add(input: SamplerInput): number {
    this.#inputs.push(input);
    return this.#states.push(this.ledger.stateOf([signalOf(input)])) - 1;
  }

  take(local: number, { raw, timeUs }: Reading): void {
    const state = this.#states[local];
    if (Number.isNaN(raw)) {
      state.leaveOut();
      return;
    }
    const { factor, offset } = this.#inputs[local];
    const bin = binOf(this.#edges, raw * factor + offset);
    if (this.#byTime) this.ledger.countHeld(state, timeUs);
    this.ledger.enter(state, timeUs);
    if (!this.#byTime) state.count(bin, 1);
    state.memory[HELD] = bin;
  }

  close(nowMs: number, cause: CloseCause): void {
    this.ledger.close(nowMs, cause);
  }
}
