import type { SignalKind, SignalState, StateRange } from "./signal-entry.ts";
import { textPairs, type ValueTexts } from "./value-texts.ts";

/** A signal as far as its states depend on it. */
type StatedSignal = {
  readonly kind: SignalKind;
  readonly factor: number;
  readonly offset: number;
  readonly bits: number;
  readonly signed: boolean;
  readonly multiplexer: boolean;
  /** Physical bounds; both 0 when there are none. */
  readonly minimum: number;
  readonly maximum: number;
  readonly choices: ValueTexts | undefined;
};

const MOST_BITS = 32;
/** From this length on the upper eight bits say it; of shorter ones all bits do. */
const BYTE_BITS = 8;
/** Texts by which files name a state rather than a value. */
const STATE_TEXT =
  /not?[ _-]*avail|unavail|^n\/?a$|\bsna\b|error|fault|fail|invalid|don'?t[ _-]*care|no[ _-]*action|take no|reserved|undefined|not[ _-]*(?:inst|supp|def|used)/i;

/**
 * The states of a signal of SAE J1939 (J1939-71, 5.2.6; as Slot of Equipment-and-Tool-Institute/j1939-84 has them): an unsigned integer
 * of 8 to 32 bits is not available where its upper eight bits are FF, and an error where they are FE; one of 2 to 7 bits where all of
 * its bits are 1, or all but the last.
 *
 * What the DBC file says goes before that: a raw value with a text that names no state is a value, as is one of 8 bits or more within the
 * bounds of the signal. Multiplexers have none.
 */
export function j1939States(signal: StatedSignal): readonly StateRange[] | undefined {
  const { kind, bits, signed, multiplexer } = signal;
  if (kind !== "integer" || signed || multiplexer || bits < 2 || bits > MOST_BITS) return undefined;
  const step = 2 ** Math.max(0, bits - BYTE_BITS);
  const end = 2 ** bits;
  const ranges: readonly StateRange[] = [
    { state: "error", first: end - 2 * step, last: end - step - 1 },
    { state: "not available", first: end - step, last: end - 1 },
  ];
  const kept = ranges.filter((range) => !isValue(range, signal));
  return kept.length === 0 ? undefined : kept;
}

/** What a raw value says in the place of a number; undefined where it is one. */
export function stateOf(states: readonly StateRange[] | undefined, raw: number | bigint): SignalState | undefined {
  return states?.find(({ first, last }) => raw >= first && raw <= last)?.state;
}

function isValue({ first, last }: StateRange, signal: StatedSignal): boolean {
  const { bits, factor, offset, minimum, maximum, choices } = signal;
  const texts = textPairs(choices).filter(([raw]) => raw >= first && raw <= last);
  if (texts.length > 0) return texts.some(([, text]) => !STATE_TEXT.test(text));
  if (bits < BYTE_BITS || (minimum === 0 && maximum === 0)) return false;
  return [first, last].some((raw) => {
    const physical = raw * factor + offset;
    return physical >= minimum && physical <= maximum;
  });
}

/** The states of all signals of a table, for the frame path. */
export class SignalStates {
  /** By signal: first and last of at most two ranges; empty ones end before they begin. */
  readonly #ranges: Float64Array;

  /** `states` by signal; undefined where no signal has any. */
  static of(states: readonly (readonly StateRange[] | undefined)[]): SignalStates | undefined {
    return states.some((ranges) => ranges !== undefined) ? new SignalStates(states) : undefined;
  }

  private constructor(states: readonly (readonly StateRange[] | undefined)[]) {
    this.#ranges = new Float64Array(states.length * 4).fill(Number.NaN);
    states.forEach((ranges = [], signal) => {
      ranges.forEach(({ first, last }, at) => this.#ranges.set([first, last], signal * 4 + at * 2));
    });
  }

  /** Whether a raw value of the signal with this index says a state. On the frame path. */
  isState(signal: number, raw: number): boolean {
    const ranges = this.#ranges;
    const at = signal * 4;
    return (raw >= ranges[at] && raw <= ranges[at + 1]) || (raw >= ranges[at + 2] && raw <= ranges[at + 3]);
  }
}
