import { driveAt } from "./drive-cycle.ts";
import { BEHAVIOURS } from "./vehicle-behaviour.ts";
import type { VehicleMessage, VehicleSignal } from "./vehicle-dbc.ts";

/** Name of the signal that numbers the frames of its message, modulo 2^16. */
export const COUNTER = "Counter";
/** Where a counter starts again. */
export const COUNTER_MODULUS = 0x1_0000;

/** What a signal holds on the bus: a bigint for an integer beyond 53 bits. */
export type RawValue = number | bigint;

/** Integers that a float64 cannot hold: grow by the period and start where the low bits of a float64 are long gone. */
const WIDE_START = 0x00d1_8b40_56a2_0377n;

/**
 * Raw value of one signal in the `n`-th frame (from 0) of its message; undefined when its multiplexer branch is not in that frame.
 *
 * Pure: the vehicle and the consumers work it out on their own, and it depends on neither the rate nor the time of sending. `seed` moves the noise.
 * Throws for a signal that has no behaviour.
 */
export function rawValueOf(
  message: VehicleMessage,
  signal: VehicleSignal,
  n: number,
  seed: number,
): RawValue | undefined {
  if (signal.name === COUNTER) return n % COUNTER_MODULUS;
  if (signal.multiplex === "selector") return n % message.branches;
  if (signal.multiplex !== undefined && signal.multiplex !== n % message.branches) return undefined;
  if (signal.bits > 53 && signal.kind === "integer") return wideValueOf(message, signal, n, seed);
  const behaviour = BEHAVIOURS[`${message.name}.${signal.name}`];
  if (behaviour === undefined) throw new Error(`${message.name}.${signal.name} has no behaviour`);
  const [physicalOf, noise] = behaviour;
  const physical = physicalOf(driveAt((n * message.periodMs) / 1000));
  const spread = noise === 0 ? 0 : noise * noiseOf(signal.index, n, seed);
  if (signal.kind === "double") return physical + spread;
  if (signal.kind === "float") return Math.fround(physical + spread);
  return inRange(signal, Math.round((physical - signal.offset) / signal.factor + spread));
}

/** Data bytes of the `n`-th frame of a message. Bits that no signal uses are 0. */
export function frameOf(message: VehicleMessage, n: number, seed: number): Uint8Array {
  const data = new Uint8Array(message.length);
  for (const signal of message.signals) {
    const value = rawValueOf(message, signal, n, seed);
    if (value !== undefined) packSignal(data, signal, value);
  }
  return data;
}

/** Writes one raw value into its bits, one bit at a time: slow, and obvious enough to judge others by. */
export function packSignal(data: Uint8Array, signal: VehicleSignal, value: RawValue): void {
  let rest = BigInt.asUintN(signal.bits, patternOf(signal, value));
  for (let index = 0; index < signal.bits; index++) {
    // From the least significant bit up. Big endian numbers its start at the other end, and walks down within a byte, then to the next.
    const at = signal.bigEndian ? bigEndianBit(signal.startBit, signal.bits - 1 - index) : signal.startBit + index;
    if ((rest & 1n) === 1n) data[at >> 3] |= 1 << (at & 7);
    rest >>= 1n;
  }
}

/** DBC bit number that lies `steps` bits after the most significant one. */
function bigEndianBit(startBit: number, steps: number): number {
  const fromTop = (startBit >> 3) * 8 + (7 - (startBit & 7)) + steps;
  return (fromTop >> 3) * 8 + (7 - (fromTop & 7));
}

function patternOf(signal: VehicleSignal, value: RawValue): bigint {
  if (typeof value === "bigint") return value;
  const view = new DataView(new ArrayBuffer(8));
  if (signal.kind === "float") {
    view.setFloat32(0, value);
    return BigInt(view.getUint32(0));
  }
  if (signal.kind === "double") {
    view.setFloat64(0, value);
    return view.getBigUint64(0);
  }
  return BigInt(value);
}

function wideValueOf(message: VehicleMessage, signal: VehicleSignal, n: number, seed: number): bigint {
  const jitter = BigInt(Math.floor((noiseOf(signal.index, n, seed) + 1) * 500));
  const value = WIDE_START + BigInt(n) * BigInt(message.periodMs) * 1_000_000n + jitter;
  return BigInt.asUintN(signal.bits, value);
}

function inRange(signal: VehicleSignal, raw: number): number {
  const lowest = signal.signed ? -(2 ** (signal.bits - 1)) : 0;
  const highest = signal.signed ? 2 ** (signal.bits - 1) - 1 : 2 ** signal.bits - 1;
  // Adding 0 turns a negative zero into the only zero that an integer has.
  return Math.min(highest, Math.max(lowest, raw)) + 0;
}

/** -1 <= x < 1 from an integer hash (the finaliser of MurmurHash3, public domain, Austin Appleby). */
function noiseOf(index: number, n: number, seed: number): number {
  let hash = Math.imul(index + 1, 0x9e37_79b1) ^ Math.imul(n + 1, 0x85eb_ca6b) ^ seed;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 0x8000_0000 - 1;
}
