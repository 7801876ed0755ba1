/** Bits after the point of the least positive float64. */
const SCALE_BITS = 1074n;

/** The float64 nearest below or at the exact sum of finite `values`, within 1 part in 2^60: rational arithmetic, no rounding before the end. */
export function exactSum(values: readonly number[]): number {
  const sum = values.reduce((total, value) => total + scaled(value), 0n);
  return unscaled(sum);
}

/** `value` times 2^1074, which is a whole number. */
export function scaled(value: number): bigint {
  const bits = new BigUint64Array(Float64Array.of(value).buffer)[0];
  const exponent = Number((bits >> 52n) & 0x7ffn);
  const fraction = bits & 0xf_ffff_ffff_ffffn;
  const magnitude = exponent === 0 ? fraction : (fraction | (1n << 52n)) << BigInt(exponent - 1);
  return bits >> 63n === 1n ? -magnitude : magnitude;
}

function unscaled(value: bigint): number {
  const magnitude = value < 0n ? -value : value;
  const shift = BigInt(Math.max(0, magnitude.toString(2).length - 60));
  const scaledDown = Number(magnitude >> shift);
  const exponent = Number(shift - SCALE_BITS);
  // In two steps, as 2 ** -1074 times a large number must not lose its digits on the way.
  const result = scaledDown * 2 ** Math.ceil(exponent / 2) * 2 ** Math.floor(exponent / 2);
  return value < 0n ? -result : result;
}
