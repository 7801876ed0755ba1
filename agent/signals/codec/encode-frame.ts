import type { DbcMessage, DbcSignal } from "../dbc/model.ts";

/** A frame's data, or why the values do not make one. */
export type EncodedFrame =
  | { readonly kind: "frame"; readonly data: Uint8Array<ArrayBuffer> }
  | { readonly kind: "unfit"; readonly signal: string; readonly problem: string };

/**
 * The data of a message for physical values by signal name: the inverse of decoding. Every signal that is in the frame must be given
 * and no other; a multiplexer's value says which those are. A value must lie in the physical range that the DBC file states, where it
 * states one, and fit the signal's bits; it is rounded to the nearest raw value. No two of them may share a bit. Bits of no signal are 0.
 */
export function encodeFrame(message: DbcMessage, values: ReadonlyMap<string, number>): EncodedFrame {
  const data = new Uint8Array(message.length);
  const holders = new Map<number, string>();
  const written = new Set<string>();
  for (const signal of message.signals) {
    if (!isActive(signal, message, values)) continue;
    const value = values.get(signal.name);
    if (value === undefined) return unfit(signal.name, "is in the frame and has no value");
    const raw = rawOf(signal, value);
    const problem = typeof raw === "string" ? raw : writeBits(data, signal, raw, holders);
    if (problem !== undefined) return unfit(signal.name, problem);
    written.add(signal.name);
  }
  for (const name of values.keys()) {
    if (written.has(name)) continue;
    const isKnown = message.signals.some((signal) => signal.name === name);
    const inFrame = "is not in the frame for this value of its multiplexer";
    return unfit(name, isKnown ? inFrame : `is not a signal of ${message.name}`);
  }
  return { kind: "frame", data };
}

function unfit(signal: string, problem: string): EncodedFrame {
  return { kind: "unfit", signal, problem };
}

/** Signals of exclusive branches may have one name: of a name at most one is active. */
function isActive({ multiplexing }: DbcSignal, message: DbcMessage, values: ReadonlyMap<string, number>): boolean {
  if (multiplexing === undefined) return true;
  const value = values.get(multiplexing.by);
  const by = message.signals.find((one) => one.name === multiplexing.by && isActive(one, message, values));
  const raw = by === undefined || value === undefined ? undefined : rawOf(by, value);
  if (raw === undefined || typeof raw === "string") return false;
  return multiplexing.ranges.some(([first, last]) => raw >= BigInt(first) && raw <= BigInt(last));
}

/** The bits of a physical value, two's complement where signed; or why it has none. */
function rawOf(signal: DbcSignal, value: number): bigint | string {
  if (!Number.isFinite(value)) return `${value} is not a number`;
  const { minimum, maximum, factor, offset, bits, kind, signed } = signal;
  const hasRange = minimum !== 0 || maximum !== 0;
  if (hasRange && (value < minimum || value > maximum)) return `${value} is not within ${minimum} to ${maximum}`;
  const scaled = (value - offset) / factor;
  if (kind !== "integer") return floatBits(scaled, kind, value);
  const raw = BigInt(Math.round(scaled));
  const least = signed ? -(1n << BigInt(bits - 1)) : 0n;
  const most = signed ? (1n << BigInt(bits - 1)) - 1n : (1n << BigInt(bits)) - 1n;
  if (raw < least || raw > most) return `${value} does not fit ${bits} bits`;
  return BigInt.asUintN(bits, raw);
}

function floatBits(scaled: number, kind: "float" | "double", value: number): bigint | string {
  const view = new DataView(new ArrayBuffer(8));
  if (kind === "double") {
    view.setFloat64(0, scaled);
    return view.getBigUint64(0);
  }
  view.setFloat32(0, scaled);
  return Number.isFinite(view.getFloat32(0)) ? BigInt(view.getUint32(0)) : `${value} does not fit 32 bits`;
}

/**
 * Writes a raw value; gives what is wrong where it cannot. Bits of two signals would make a value that nobody asked for.
 * DBC bit numbers count byte * 8 + bit; a big-endian signal goes from its most significant bit down the byte and on to the next one.
 */
function writeBits(
  data: Uint8Array,
  { name, startBit, bits, byteOrder }: DbcSignal,
  raw: bigint,
  holders: Map<number, string>,
): string | undefined {
  let at = startBit;
  for (let index = 0; index < bits; index += 1) {
    const isLittle = byteOrder === "little";
    const shift = isLittle ? index : bits - 1 - index;
    if (at >> 3 >= data.length) return `lies past the ${data.length} bytes of the frame`;
    const holder = holders.get(at);
    if (holder !== undefined) return `shares bits with ${holder}`;
    holders.set(at, name);
    if (((raw >> BigInt(shift)) & 1n) === 1n) data[at >> 3] |= 1 << (at & 7);
    if (isLittle) at += 1;
    else at += (at & 7) === 0 ? 15 : -1;
  }
  return undefined;
}
