import type { CloseCause, Reading, SamplerInput } from "../sampler.ts";
import { CellLedger, type CellPlace } from "./cell-ledger.ts";
import type { CellShape, CellState } from "./cell-state.ts";
import { signalOf } from "./counted-signal.ts";
import type { PeriodSettings } from "./histogram-sampler.ts";
import type { KeptSampler } from "./kept-sampler.ts";

/** States of a signal that have a cell of their own until the next report; the others share one. */
export const MAX_STATES = 64;

/** Places in the memory of a duration: the raw value that holds, and then those of the states in the order in which they came. */
const HELD = 0;
const STATES = 1;

export const DURATION_SHAPE: CellShape = { cells: MAX_STATES + 1, carried: STATES, listed: MAX_STATES };

/**
 * Counts for how long signals had each raw value, µs, until the next sample of them. NaN is left out. Wide integers that are equal when
 * rounded to a float64 are one state.
 */
export class DurationSampler implements KeptSampler {
  readonly ledger: CellLedger;
  readonly #states: CellState[] = [];

  constructor({ everyMs, perTrip }: PeriodSettings, place: CellPlace) {
    const plan = { kind: "duration", by: "time", edges: [], shape: DURATION_SHAPE, everyMs, perTrip } as const;
    this.ledger = new CellLedger(plan, place, cellOf);
  }

  add(input: SamplerInput): number {
    return this.#states.push(this.ledger.stateOf([signalOf(input)])) - 1;
  }

  take(local: number, { raw, timeUs }: Reading): void {
    const state = this.#states[local];
    if (Number.isNaN(raw)) {
      state.leaveOut();
      return;
    }
    this.ledger.countHeld(state, timeUs);
    this.ledger.enter(state, timeUs);
    state.memory[HELD] = raw;
  }

  close(nowMs: number, cause: CloseCause): void {
    this.ledger.close(nowMs, cause);
  }
}

/** The cell of the state that holds, which gets one where there is room. */
function cellOf({ memory }: CellState): number {
  const held = memory[HELD];
  for (let cell = 0; cell < MAX_STATES; cell++) {
    const state = memory[STATES + cell];
    if (state === held) return cell;
    if (!Number.isNaN(state)) continue;
    memory[STATES + cell] = held;
    return cell;
  }
  return MAX_STATES;
}
