import type { EcuArgument, EcuDid, EcuSignal } from "../../../config/ecu.ts";
import { bitRunsOf, neededBytesOf, rawMaximumOf, rawMinimumOf } from "../../signals/codec/layout.ts";
import { physicalOf } from "../../signals/codec/signal-value.ts";

/** A value with its name. `value` is physical, or the text of a data identifier that holds one; `text` is what a raw value means. */
export type DataValue = {
  readonly name: string;
  readonly value: number | bigint | string;
  readonly unit: string;
  readonly text?: string | undefined;
};

/** How data is to be read. */
export type DataShape = Pick<EcuDid, "name" | "text" | "signals">;

/** What data says: its signals, as far as it goes; its text; or all of it in hexadecimal where the catalogue says nothing of it. */
export function valuesOf(shape: DataShape, bytes: Uint8Array): readonly DataValue[] {
  const { name, text, signals } = shape;
  if (text === "ascii") return [{ name, value: asciiOf(bytes), unit: "" }];
  const values = signals.flatMap((signal) => valueOf(signal, bytes));
  return values.length > 0 ? values : [{ name, value: hexOf(bytes), unit: "" }];
}

/** The values that are whole in `bytes`. */
export function signalValues(signals: readonly EcuSignal[], bytes: Uint8Array): readonly DataValue[] {
  return signals.flatMap((signal) => valueOf(signal, bytes));
}

function valueOf(signal: EcuSignal, bytes: Uint8Array): readonly DataValue[] {
  if (neededBytesOf(signal) > bytes.length) return [];
  const raw = rawOf(signal, bytes);
  const text = signal.texts?.[String(raw)];
  return [{ name: signal.name, value: physicalOf(raw, signal), unit: signal.unit, text }];
}

/** The raw value of a signal that is whole in `bytes`: an integer, a bigint beyond 2^53, or the number of IEEE 754. */
function rawOf(signal: Omit<EcuSignal, "texts">, bytes: Uint8Array): number | bigint {
  let bits = 0n;
  for (const { byte, shift, count, weight } of bitRunsOf(signal)) {
    bits |= BigInt((bytes[byte] >>> shift) & ((1 << count) - 1)) << BigInt(weight);
  }
  const view = new DataView(new ArrayBuffer(8));
  if (signal.kind === "float") {
    view.setUint32(0, Number(bits));
    return view.getFloat32(0);
  }
  view.setBigUint64(0, bits);
  if (signal.kind === "double") return view.getFloat64(0);
  const raw = signal.signed ? BigInt.asIntN(signal.bits, bits) : bits;
  return raw >= -(2n ** 53n) && raw <= 2n ** 53n ? Number(raw) : raw;
}

/** What an option record, a control state or data to write is made of: fixed bytes, and arguments over them. */
export type OptionShape = { readonly bytes: string; readonly arguments: readonly EcuArgument[] };

/** Bytes made of arguments, or what is wrong with those. */
export type PackedOption =
  | { readonly kind: "packed"; readonly bytes: Uint8Array }
  | { readonly kind: "unfit"; readonly problem: string };

/** Puts physical values into an option record. Every argument must be given, within its bounds, and nothing else. */
export function packOption(option: OptionShape, given: Readonly<Record<string, unknown>>): PackedOption {
  const unknown = Object.keys(given).find((name) => option.arguments.every((one) => one.name !== name));
  if (unknown !== undefined) return { kind: "unfit", problem: `${unknown} is no argument of it` };
  const bytes = bytesOfHex(option.bytes);
  for (const argument of option.arguments) {
    const value = given[argument.name];
    const problem =
      value === undefined || typeof value === "number" ? putArgument(argument, value, bytes) : "must be a number";
    if (problem !== undefined) return { kind: "unfit", problem: `${argument.name} ${problem}` };
  }
  return { kind: "packed", bytes };
}

function putArgument(argument: EcuArgument, value: number | undefined, bytes: Uint8Array): string | undefined {
  const { minimum, maximum } = argument;
  if (value === undefined) return "is missing";
  if (!(value >= minimum && value <= maximum)) return `is ${value}, and may be ${minimum} to ${maximum}`;
  const raw = (value - argument.offset) / argument.factor;
  const bits = argument.kind === "integer" ? integerBits(argument, raw) : floatBits(argument.kind, raw);
  if (bits === undefined) return `is ${value}, which ${argument.bits} bits cannot hold`;
  for (const { byte, shift, count, weight } of bitRunsOf(argument)) {
    const mask = (1 << count) - 1;
    const part = Number((bits >> BigInt(weight)) & BigInt(mask));
    bytes[byte] = (bytes[byte] & ~(mask << shift)) | (part << shift);
  }
  return undefined;
}

/** To the nearest raw value. */
function integerBits(argument: EcuArgument, raw: number): bigint | undefined {
  if (!Number.isFinite(raw)) return undefined;
  const whole = BigInt(Math.round(raw));
  if (whole < rawMinimumOf(argument) || whole > rawMaximumOf(argument)) return undefined;
  return BigInt.asUintN(argument.bits, whole);
}

function floatBits(kind: "float" | "double", raw: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  if (kind === "double") view.setFloat64(0, raw);
  else view.setFloat32(4, raw);
  return view.getBigUint64(0);
}

/** Printable ASCII without what fills it up: zeros, blanks and 0xff. Another byte is "?". */
export function asciiOf(bytes: Uint8Array): string {
  const isFill = (byte: number): boolean => byte === 0 || byte === 0x20 || byte === 0xff;
  const first = bytes.findIndex((byte) => !isFill(byte));
  const text = first < 0 ? [] : bytes.subarray(first, bytes.findLastIndex((byte) => !isFill(byte)) + 1);
  return Array.from(text, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "?")).join("");
}

/** Lower-case hexadecimal, two digits a byte. */
export function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Bytes of pairs of hexadecimal digits; what is no such pair is 0. */
export function bytesOfHex(text: string): Uint8Array {
  return Uint8Array.from({ length: text.length >>> 1 }, (_, at) => Number.parseInt(text.slice(at * 2, at * 2 + 2), 16));
}
