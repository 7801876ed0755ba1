import { AgentError } from "../../core/errors.ts";
import type { DbcMessage, DbcSignal } from "../dbc/model.ts";
import { bitRunsOf, rawMaximumOf, rawMinimumOf } from "./layout.ts";

/** Raw values by signal name: integers, exact beyond 2^53 as bigint; for IEEE signals the number itself. */
export type RawValues = ReadonlyMap<string, number | bigint>;

/**
 * The data bytes of a frame of `message`, as many as the DBC declares. Signals without a value, and bits of no signal, are 0.
 *
 * Throws `input.malformed` naming the signal: unknown in this message, outside its raw range, not a whole number, in a multiplexer
 * branch that the given values do not choose, or past the end of the message.
 */
export function encodeMessage(message: DbcMessage, raws: RawValues): Uint8Array {
  const signals = new Map(message.signals.map((signal) => [signal.name, signal]));
  const data = new Uint8Array(message.length);
  for (const [name, raw] of raws) {
    const signal = signals.get(name);
    if (signal === undefined) throw rejection(message, name, "is not in this message");
    const problem = branchProblem(signal, signals, raws);
    if (problem !== undefined) throw rejection(message, name, problem);
    writeBits(message, signal, bitsOf(message, signal, raw), data);
  }
  return data;
}

/** Why the signal is not in the frame that `raws` makes; undefined when it is. */
function branchProblem(
  signal: DbcSignal,
  signals: ReadonlyMap<string, DbcSignal>,
  raws: RawValues,
): string | undefined {
  const { multiplexing } = signal;
  if (multiplexing === undefined) return undefined;
  const parent = signals.get(multiplexing.by);
  const raw = raws.get(multiplexing.by) ?? 0;
  // Ranges mean the bits of the multiplexer.
  const value = parent?.signed === true ? BigInt.asUintN(parent.bits, BigInt(raw)) : raw;
  if (!multiplexing.ranges.some(([first, last]) => value >= first && value <= last)) {
    const wanted = multiplexing.ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`));
    return `is only there while ${multiplexing.by} is ${wanted.join(", ")}, not ${value}`;
  }
  return parent === undefined ? undefined : branchProblem(parent, signals, raws);
}

/** The raw value as the unsigned integer that stands in the frame. */
function bitsOf(message: DbcMessage, signal: DbcSignal, raw: number | bigint): bigint {
  const view = new DataView(new ArrayBuffer(8));
  if (signal.kind === "float") {
    view.setFloat32(0, Number(raw));
    return BigInt(view.getUint32(0));
  }
  if (signal.kind === "double") {
    view.setFloat64(0, Number(raw));
    return view.getBigUint64(0);
  }
  if (typeof raw === "number" && !Number.isInteger(raw)) {
    throw rejection(message, signal.name, `has the raw value ${raw}, which is not a whole number`);
  }
  const [minimum, maximum] = [rawMinimumOf(signal), rawMaximumOf(signal)];
  if (raw < minimum || raw > maximum) {
    throw rejection(message, signal.name, `has the raw value ${raw}, outside ${minimum}..${maximum}`);
  }
  return BigInt.asUintN(signal.bits, BigInt(raw));
}

function writeBits(message: DbcMessage, signal: DbcSignal, bits: bigint, data: Uint8Array): void {
  for (const { byte, shift, count, weight } of bitRunsOf(signal)) {
    if (byte >= data.length) throw rejection(message, signal.name, `does not fit into ${data.length} bytes`);
    const mask = (1 << count) - 1;
    const part = Number((bits >> BigInt(weight)) & BigInt(mask));
    data[byte] = (data[byte] & ~(mask << shift)) | (part << shift);
  }
}

function rejection(message: DbcMessage, signal: string, problem: string): AgentError {
  return new AgentError("input.malformed", {
    what: `signal ${signal} of message ${message.name} ${problem}`,
    remedy: `compare with: causeway dbc show FILE ${message.name}`,
  });
}
