import type { DbcMessage, DbcSignal } from "../../agent/data/dbc/model.ts";

/** Raw value as its exact integer, or the IEEE number. */
export type ReferenceValue = number | bigint;

/**
 * Decodes a frame bit by bit, slowly and plainly: what generated decoders are compared with. Values of signals that are not in the
 * frame, because it is too short or by multiplexing, are left out.
 */
export function referenceDecode(message: DbcMessage, data: Uint8Array): ReadonlyMap<string, ReferenceValue> {
  const values = new Map<string, ReferenceValue>();
  const pending = [...message.signals];
  for (let progress = true; progress; ) {
    progress = false;
    for (const signal of pending.splice(0)) {
      if (isActive(signal, values)) {
        const value = referenceSignal(signal, data);
        if (value !== undefined) values.set(signal.name, value);
        progress = true;
      } else pending.push(signal);
    }
  }
  return values;
}

/** One signal's raw value, or undefined when the frame is too short for it. */
export function referenceSignal(signal: DbcSignal, data: Uint8Array): ReferenceValue | undefined {
  let raw = 0n;
  let bit = signal.startBit;
  // Little-endian: from the least significant bit up. Big-endian: from the most significant bit down, bit 0 being followed by bit 7 of the next byte.
  for (let step = 0; step < signal.bits; step++) {
    if (bit >= data.length * 8) return undefined;
    const value = BigInt((data[bit >> 3] >> (bit & 7)) & 1);
    if (signal.byteOrder === "little") {
      raw |= value << BigInt(step);
      bit += 1;
    } else {
      raw = (raw << 1n) | value;
      bit = (bit & 7) === 0 ? bit + 15 : bit - 1;
    }
  }
  if (signal.kind !== "integer") return ieee(raw, signal.kind);
  return signal.signed && raw >> BigInt(signal.bits - 1) === 1n ? raw - (1n << BigInt(signal.bits)) : raw;
}

function isActive(signal: DbcSignal, values: ReadonlyMap<string, ReferenceValue>): boolean {
  if (signal.multiplexing === undefined) return true;
  const value = values.get(signal.multiplexing.by);
  return value !== undefined && signal.multiplexing.ranges.some(([first, last]) => value >= first && value <= last);
}

function ieee(raw: bigint, kind: "float" | "double"): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, raw);
  return kind === "float" ? view.getFloat32(4) : view.getFloat64(0);
}
