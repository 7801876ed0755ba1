/** Periods that have begun and are remembered, so that none of them begins again. */
const REMEMBERED = 40;

/** A period of counting, a day or a month, by its number: days, or months, since 1970. */
export type UsagePeriod = {
  /** Undefined while no clock was believed since the first count. */
  readonly number: number | undefined;
  /** Those that have begun, the newest last. */
  readonly begun: readonly number[];
  /** Running time since it began, ms; not counted while the agent does not run. */
  readonly ranMs: number;
};

/** Before anything was counted. */
export const NO_PERIOD: UsagePeriod = { number: undefined, begun: [], ranMs: 0 };

/**
 * The period that holds now, and whether it begins, so that its count is zero.
 *
 * `today` is the number by a clock that is believed, undefined by one that is not. A period begins when `today` is later than what holds
 * and has not begun before. A clock that goes back changes the number and never the count; one that comes again to a period that has begun
 * goes on with the count. Without a clock that is believed a period lasts `lengthMs` of running time.
 */
export function periodAt(
  before: UsagePeriod,
  today: number | undefined,
  passedMs: number,
  lengthMs: number,
): { readonly period: UsagePeriod; readonly begins: boolean } {
  const ranMs = before.ranMs + passedMs;
  if (today === undefined) {
    if (ranMs < lengthMs) return { period: { ...before, ranMs }, begins: false };
    const next = before.number === undefined ? undefined : before.number + 1;
    return { period: periodOf(before, next, 0), begins: true };
  }
  if (today === before.number) return { period: { ...before, ranMs }, begins: false };
  const begins = before.number !== undefined && today > before.number && !before.begun.includes(today);
  return { period: periodOf(before, today, begins ? 0 : ranMs), begins };
}

function periodOf({ begun }: UsagePeriod, number: number | undefined, ranMs: number): UsagePeriod {
  if (number === undefined || begun.includes(number)) return { number, begun, ranMs };
  return { number, begun: [...begun, number].slice(-REMEMBERED), ranMs };
}
