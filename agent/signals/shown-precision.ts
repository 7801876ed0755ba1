import type { SignalEntry } from "./signal-entry.ts";

/** How a physical value is shown: with so many decimals, or with so many significant digits. */
export type ShownPrecision =
  | { readonly decimals: number; readonly digits?: undefined }
  | { readonly digits: number; readonly decimals?: undefined };

/** A single has 24 bits of significand (IEEE 754): so many decimal digits are of the value. A double has 15, of which people read fewer. */
const SINGLE_DIGITS = 7;
const DOUBLE_DIGITS = 10;
/** Beyond what tells two neighbouring values apart, so many more decimals are shown where the factor has them: 0.125, but not 0.0078125. */
const MORE_DECIMALS = 2;
const MOST_DECIMALS = 12;

/** The precision of a signal, by its factor and offset: 86.1 beside 86.4, and never 86.10000000000001. */
export function precisionOf({ kind, factor, offset }: Pick<SignalEntry, "kind" | "factor" | "offset">): ShownPrecision {
  if (kind !== "integer") return { digits: kind === "float" ? SINGLE_DIGITS : DOUBLE_DIGITS };
  if (factor === 0 || !Number.isFinite(factor)) return { digits: DOUBLE_DIGITS };
  const written = Math.max(decimalsOf(factor), decimalsOf(offset));
  const telling = Math.max(0, Math.ceil(-Math.log10(Math.abs(factor))));
  const decimals = Math.min(written, telling + MORE_DECIMALS);
  return decimals > MOST_DECIMALS ? { digits: DOUBLE_DIGITS } : { decimals };
}

/** A physical value as a person reads it. Numbers beyond 2^53, and what is no number, stay as they are. */
export function shownValue(value: number | bigint, { decimals, digits }: ShownPrecision): string {
  if (typeof value === "bigint" || !Number.isFinite(value)) return String(value);
  if (decimals === undefined) {
    // The greatest doubles would be rounded up to infinity.
    const rounded = Number(value.toPrecision(digits));
    return String(Number.isFinite(rounded) ? rounded : value);
  }
  const shown = Math.abs(value) < 1e15 ? value.toFixed(decimals) : String(value);
  return Number(shown) === 0 ? shown.replace("-", "") : shown;
}

/** Decimals of a number in its shortest notation: 2 of 0.25, 7 of 1e-7. */
function decimalsOf(value: number): number {
  const [mantissa = "", exponent = "0"] = String(value).split("e");
  const fraction = mantissa.split(".")[1]?.length ?? 0;
  return Math.max(0, fraction - Number(exponent));
}
