import type { DbcMessage, DbcSignal } from "../../../agent/signals/dbc/model.ts";

/** Raw values by signal name; bigint for integers of more than 53 bits. */
export type ReferenceValues = ReadonlyMap<string, number | bigint>;

/**
 * Decodes a frame bit by bit, slowly and plainly: what the generated decoders are compared with. Signals that are not in the frame,
 * because it is too short or by multiplexing, are left out.
 */
export function referenceDecode(message: DbcMessage, data: Uint8Array): ReferenceValues {
  const values = new Map<string, number | bigint>();
  let waiting: readonly DbcSignal[] = message.signals;
  for (;;) {
    const ready = waiting.filter((signal) => isActive(signal, message, values));
    for (const signal of ready) {
      const value = referenceSignal(signal, data);
      if (value !== undefined) values.set(signal.name, value);
    }
    if (ready.length === 0) return values;
    waiting = waiting.filter((signal) => !ready.includes(signal));
  }
}

/** One signal's raw value, whatever its multiplexing; undefined when the frame is too short for it. */
export function referenceSignal(signal: DbcSignal, data: Uint8Array): number | bigint | undefined {
  const { bits, kind, signed } = signal;
  const bitsTooWide = bits > 53;
  let number = 0;
  let wide = 0n;
  for (let step = 0; step < bits; step++) {
    const position = bitPosition(signal, step);
    if (position >= data.length * 8) return undefined;
    const bit = (data[position >> 3] >> (position & 7)) & 1;
    if (bitsTooWide) wide = wide * 2n + BigInt(bit);
    else number = number * 2 + bit;
  }
  if (kind !== "integer") return ieee(bitsTooWide ? wide : BigInt(number), kind);
  if (bitsTooWide) return signed ? BigInt.asIntN(bits, wide) : wide;
  return signed && number >= 2 ** (bits - 1) ? number - 2 ** bits : number;
}

/** Where the `step`th bit of the signal is, most significant first, as byte * 8 + bit. */
function bitPosition({ byteOrder, startBit, bits }: DbcSignal, step: number): number {
  if (byteOrder === "little") return startBit + bits - 1 - step;
  // Counted from the top bit of byte 0 downwards, big-endian bits are consecutive.
  const sequential = (startBit & ~7) + 7 - (startBit & 7) + step;
  return (sequential & ~7) + 7 - (sequential & 7);
}

function isActive({ multiplexing }: DbcSignal, { signals }: DbcMessage, values: ReferenceValues): boolean {
  if (multiplexing === undefined) return true;
  const by = signals.find(({ name }) => name === multiplexing.by);
  const raw = values.get(multiplexing.by);
  // Ranges mean the bits of the multiplexer.
  const value = by === undefined || raw === undefined ? undefined : BigInt.asUintN(by.bits, BigInt(raw));
  return value !== undefined && multiplexing.ranges.some(([first, last]) => value >= first && value <= last);
}

function ieee(raw: bigint, kind: "float" | "double"): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, raw);
  return kind === "float" ? view.getFloat32(4) : view.getFloat64(0);
}
