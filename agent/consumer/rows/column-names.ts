/** Columns that stand together, in the order in which a row has them. What the rows of a record or of a signal share is a group of its own. */
export const RECORD_BEFORE = ["thing", "epoch", "stream", "seq"] as const;
export const TIME = ["time_us"] as const;
export const RECORD_AFTER = ["time_quality", "time_basis", "shift_us", "boot_id", "monotonic_us", "offset_us"] as const;
export const SIGNAL = [
  "bus",
  "message",
  "signal",
  "aggregate",
  "window_us",
  "source",
  "destination",
  "campaign",
  "trigger",
] as const;
export const VALUE = ["value", "value_int", "value_digits", "text"] as const;
export const END = ["unit", "vss_path"] as const;
export const EVENT = ["kind", "body"] as const;

/**
 * Columns of samples, in their order, in every format.
 *
 * `time_us` is put right by `shift_us`; `time_quality` is what it is worth then, and `time_basis` how that is known: clock, corrected or unknown.
 * `monotonic_us` and `offset_us` are the record's own anchor: boottime, which counts suspend, and wall time less it.
 * `value` is the physical value; an integer beyond 2^53 is rounded there and exact in `value_int`, or where 64 bits with a sign do
 * not hold it in `value_digits`. Where a signal says a state in the place of a number there is none, and `text` is the state.
 */
export const SAMPLE_COLUMNS = [...RECORD_BEFORE, ...TIME, ...RECORD_AFTER, ...SIGNAL, ...VALUE, ...END] as const;

/** Columns of events, in their order, in every format. `body` is JSON in which no number is rounded (`exactLine`). */
export const EVENT_COLUMNS = [...RECORD_BEFORE, ...TIME, ...RECORD_AFTER, ...EVENT] as const;

const LARGEST_INT64 = 2n ** 63n - 1n;

/** Whether 64 bits with a sign hold `value`: whether it goes to `value_int`. */
export function isInt64(value: bigint): boolean {
  return value <= LARGEST_INT64 && value >= -LARGEST_INT64 - 1n;
}
