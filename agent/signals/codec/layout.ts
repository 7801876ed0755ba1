import type { SignalLayout } from "../dbc/model.ts";

/** A run of a signal's bits that lie side by side in one byte of the frame. */
export type BitRun = {
  /** Byte of the frame, from 0. */
  readonly byte: number;
  /** Lowest bit of the run inside its byte, 0..7. */
  readonly shift: number;
  /** Bits in the run, 1..8. */
  readonly count: number;
  /** Bit of the raw value that the lowest bit of the run is. */
  readonly weight: number;
};

/**
 * The bits of a signal, byte by byte, least significant first.
 *
 * Little-endian signals grow towards higher bytes; big-endian ones start at their most significant bit and go on at bit 7 of the
 * next byte (Vector, "DBC File Format Documentation", 8.2: start_bit and byte_order).
 */
export function bitRunsOf(layout: SignalLayout): readonly BitRun[] {
  return layout.byteOrder === "little" ? littleEndianRuns(layout) : bigEndianRuns(layout);
}

/** Fewest data bytes of a frame that hold the whole signal. */
export function neededBytesOf(layout: SignalLayout): number {
  return bitRunsOf(layout).reduce((most, run) => Math.max(most, run.byte + 1), 0);
}

/** Smallest raw value of an integer signal. */
export function rawMinimumOf(signal: { readonly bits: number; readonly signed: boolean }): bigint {
  return signal.signed ? -(1n << BigInt(signal.bits - 1)) : 0n;
}

/** Largest raw value of an integer signal. */
export function rawMaximumOf(signal: { readonly bits: number; readonly signed: boolean }): bigint {
  return (1n << BigInt(signal.signed ? signal.bits - 1 : signal.bits)) - 1n;
}

function littleEndianRuns({ startBit, bits }: SignalLayout): readonly BitRun[] {
  const runs: BitRun[] = [];
  let weight = 0;
  while (weight < bits) {
    const position = startBit + weight;
    const shift = position & 7;
    const count = Math.min(8 - shift, bits - weight);
    runs.push({ byte: position >>> 3, shift, count, weight });
    weight += count;
  }
  return runs;
}

function bigEndianRuns({ startBit, bits }: SignalLayout): readonly BitRun[] {
  const runs: BitRun[] = [];
  let byte = startBit >>> 3;
  let top = startBit & 7;
  let left = bits;
  while (left > 0) {
    const count = Math.min(top + 1, left);
    left -= count;
    runs.push({ byte, shift: top + 1 - count, count, weight: left });
    byte += 1;
    top = 7;
  }
  return runs.reverse();
}
