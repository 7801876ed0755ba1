/** Where a value stands, as `SignalLayout` of agent/signals, and what it is read as. */
type Place = {
  readonly startBit: number;
  readonly bits: number;
  readonly byteOrder: "big" | "little";
  readonly kind: "integer" | "float" | "double";
};

const FLOAT_BITS = { integer: undefined, float: 32, double: 64 } as const;

/** What is wrong with where a value stands in `lengthBytes` of data; undefined when nothing is. */
export function layoutProblem({ startBit, bits, byteOrder, kind }: Place, lengthBytes: number): string | undefined {
  const wanted = FLOAT_BITS[kind];
  if (wanted !== undefined && bits !== wanted) return `a ${kind} has ${wanted} bits`;
  const last = byteOrder === "little" ? startBit + bits - 1 : bigEndianEnd(startBit, bits);
  const neededBytes = Math.floor(last / 8) + 1;
  return neededBytes > lengthBytes ? `needs ${neededBytes} bytes of data, and there are ${lengthBytes}` : undefined;
}

/** A bit of the last byte of a value that begins at its highest bit and goes on at bit 7 of the next byte. */
function bigEndianEnd(startBit: number, bits: number): number {
  const inFirst = (startBit & 7) + 1;
  const more = Math.max(0, Math.ceil((bits - inFirst) / 8));
  return (Math.floor(startBit / 8) + more) * 8;
}
