/** Below it the error of a product may have no float64. */
const LEAST_PRODUCT = 1e-280;
/** 2^27 + 1, which splits a float64 in two halves (Dekker 1971). */
const SPLITTER = 134_217_729;

/**
 * Sign of a * b - c * d, without the roundings of either product; NaN where that cannot be said, as of numbers near the ends of the
 * float64 range.
 */
export function compareProducts(a: number, b: number, c: number, d: number): number {
  const left = a * b;
  const right = c * d;
  // Rounding keeps the order, so that only products that look equal need a closer look.
  if (left < right) return -1;
  if (left > right) return 1;
  if (Math.abs(left) < LEAST_PRODUCT) return (a === 0 || b === 0) && (c === 0 || d === 0) ? 0 : Number.NaN;
  return productError(a, b, left) - productError(c, d, right);
}

/**
 * `value - base + shift`, exactly where a float64 can be that, else beyond it: above where `direction` is 1, below where it is -1, by
 * some 1e-15 of the magnitudes.
 */
export function differenceBeyond(value: number, base: number, shift: number, direction: 1 | -1): number {
  const difference = value - base;
  const firstError = sumError(value, -base, difference);
  const shifted = difference + shift;
  const secondError = sumError(difference, shift, shifted);
  if (firstError === 0 && secondError === 0) return shifted;
  // Twice the errors and some units in the last place: more than the rounding of this very sum can take away.
  return shifted + direction * (2 * (Math.abs(firstError) + Math.abs(secondError)) + Math.abs(shifted) * 2 ** -50);
}

/** What the rounding of `sum = a + b` left out (Knuth's TwoSum). */
function sumError(a: number, b: number, sum: number): number {
  const part = sum - a;
  return a - (sum - part) + (b - part);
}

/** What the rounding of `product = a * b` left out (Dekker's product; JavaScript has no fused multiply-add). */
function productError(a: number, b: number, product: number): number {
  const aHigh = highHalf(a);
  const aLow = a - aHigh;
  const bHigh = highHalf(b);
  const bLow = b - bHigh;
  return aLow * bLow - (product - aHigh * bHigh - aLow * bHigh - aHigh * bLow);
}

function highHalf(value: number): number {
  const large = SPLITTER * value;
  return large - (large - value);
}
