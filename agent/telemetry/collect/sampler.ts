import type { SignalEntry } from "../../signals/signal-entry.ts";
import type { Origin } from "../../signals/signal-slots.ts";

/** The sample that is being taken. One object is reused for all: read it during the call alone. */
export type Reading = {
  /** Slot of the signal (see `SignalSlots`), or number of the derived signal. */
  slot: number;
  /** Receive time, µs since the Unix epoch, by the wall clock, which may step back. */
  timeUs: number;
  /** Raw value; of a wide integer rounded to a float64, and NaN where it says a state in the place of a number. */
  raw: number;
  /** The 64 bits of the raw value, or of the wide integer, or of what says a state, as two 32-bit words in native byte order. */
  low: number;
  high: number;
};

/** Where a sampler leaves what it takes. `output` is a column of the campaign's records, `timeUs` the time of the sample. */
export interface SampleSink {
  /** A reading as it came: the 64 bits of its raw value. */
  takeRaw(output: number, timeUs: number, low: number, high: number): void;
  /** A number that was worked out, in the unit of the output. */
  takeValue(output: number, timeUs: number, value: number): void;
}

/** A signal that a sampler takes on. Physical value = raw * factor + offset. */
export type SamplerInput = {
  readonly slot: number;
  readonly output: number;
  readonly factor: number;
  readonly offset: number;
  readonly isWide: boolean;
  /** What it is, for samplers whose records name it. */
  readonly signal: SignalEntry;
  /** Who sends it, of a signal with a PGN. */
  readonly origin?: Origin | undefined;
};

/**
 * Why a sampler closes. "tick": what is due ends; "trip": a trip has ended; "step": the wall clock was set, and whatever has a time comes out,
 * but trips go on; "stop": the campaign ends, and everything comes out.
 */
export type CloseCause = "tick" | "trip" | "step" | "stop";

/** What a campaign does with the samples of some of its signals, side by side by local number. */
export interface Sampler {
  /** Takes a signal on, also while running (a new J1939 sender). Local numbers count from 0 in the order of the calls. */
  add(input: SamplerInput): number;
  /** A sample of signal `local`. On the frame path: allocates nothing. */
  take(local: number, reading: Reading): void;
  /** `nowMs` is monotonic, for windows whose signal no longer comes. */
  close(nowMs: number, cause: CloseCause): void;
}
