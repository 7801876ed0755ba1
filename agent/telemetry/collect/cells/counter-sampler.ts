import type { CloseCause, Reading, SamplerInput } from "../sampler.ts";
import { CellLedger, type CellPlace } from "./cell-ledger.ts";
import type { CellShape, CellState } from "./cell-state.ts";
import { signalOf } from "./counted-signal.ts";
import type { PeriodSettings } from "./histogram-sampler.ts";
import type { KeptSampler } from "./kept-sampler.ts";

export type CounterSettings = PeriodSettings & {
  /** "samples": how many came; "changes": how many differ from the one before; "increase": by how much the raw integer rose. */
  readonly of: "samples" | "changes" | "increase";
};

const TWO_32 = 2 ** 32;
/** Places in the memory of a state: the two words of the newest raw value. */
const LOW = 0;
const HIGH = 1;

export const COUNTER_SHAPE: CellShape = { cells: 1, carried: 2, listed: 0 };

/**
 * Counts samples of signals, their changes, or the increase of a counter on the bus. NaN is left out.
 *
 * The increase is that of the raw integer, modulo 2^bits: a counter that wraps goes on. What would be half of its range or more is a step
 * back, of a counter that was set to zero, and counts as skipped, not as an increase; so does one beyond 2^53. A floating point signal
 * has its bits compared for changes, and no increase.
 */
export class CounterSampler implements KeptSampler {
  readonly ledger: CellLedger;
  readonly #of: CounterSettings["of"];
  readonly #states: CellState[] = [];
  readonly #inputs: SamplerInput[] = [];

  constructor({ of, everyMs, perTrip }: CounterSettings, place: CellPlace) {
    const plan = { kind: "counter", by: of, edges: [], shape: COUNTER_SHAPE, everyMs, perTrip } as const;
    this.ledger = new CellLedger(plan, place, () => 0);
    this.#of = of;
  }

  add(input: SamplerInput): number {
    this.#inputs.push(input);
    return this.#states.push(this.ledger.stateOf([signalOf(input)])) - 1;
  }

  take(local: number, reading: Reading): void {
    const state = this.#states[local];
    if (Number.isNaN(reading.raw)) {
      state.leaveOut();
      return;
    }
    this.ledger.enter(state, reading.timeUs);
    if (this.#of === "samples") state.count(0, 1);
    else this.#compare(state, this.#inputs[local], reading);
  }

  close(nowMs: number, cause: CloseCause): void {
    this.ledger.close(nowMs, cause);
  }

  #compare(state: CellState, { signal, isWide }: SamplerInput, { raw, low, high }: Reading): void {
    const { memory } = state;
    // A narrow integer as the words of its two's complement, so that one subtraction serves all widths.
    const isWhole = signal.kind === "integer" && !isWide;
    const nowLow = isWhole ? raw >>> 0 : low;
    const nowHigh = isWhole ? Math.floor(raw / TWO_32) >>> 0 : high;
    const lastLow = memory[LOW];
    const lastHigh = memory[HIGH];
    memory[LOW] = nowLow;
    memory[HIGH] = nowHigh;
    if (Number.isNaN(lastLow) || (nowLow === lastLow && nowHigh === lastHigh)) return;
    if (this.#of === "changes") state.count(0, 1);
    else if (signal.kind === "integer")
      countRise(state, signal.bits, riseOf(nowLow - lastLow, nowHigh - lastHigh, signal.bits));
    else state.skipped += 1;
  }
}

/** Differences of words as one number modulo 2^bits, 0 <= rise < 2^bits; rounded beyond 2^53. */
function riseOf(lowDifference: number, highDifference: number, bits: number): number {
  const borrow = lowDifference < 0 ? 1 : 0;
  const low = lowDifference + borrow * TWO_32;
  const high = (highDifference - borrow) >>> 0;
  const kept = bits >= 32 ? high % 2 ** (bits - 32) : 0;
  return bits >= 32 ? kept * TWO_32 + low : low % 2 ** bits;
}

function countRise(state: CellState, bits: number, rise: number): void {
  if (rise < 2 ** (bits - 1) && Number.isSafeInteger(rise)) state.count(0, rise);
  else state.skipped += 1;
}
