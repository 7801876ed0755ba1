const FIRST_LENGTH = 16;

/** `array` while it has room for `count` numbers, else a longer copy; the new places hold `fill`. */
export function roomFor(array: Float64Array<ArrayBuffer>, count: number, fill = 0): Float64Array<ArrayBuffer> {
  if (count <= array.length) return array;
  const longer = new Float64Array(lengthFor(count)).fill(fill, array.length);
  longer.set(array);
  return longer;
}

/** As `roomFor`, of 32-bit words; the new places hold 0. */
export function roomForWords(array: Uint32Array<ArrayBuffer>, count: number): Uint32Array<ArrayBuffer> {
  if (count <= array.length) return array;
  const longer = new Uint32Array(lengthFor(count));
  longer.set(array);
  return longer;
}

function lengthFor(count: number): number {
  return Math.max(FIRST_LENGTH, 2 ** Math.ceil(Math.log2(count)));
}
