import type { ActuateConfig, FrameValue } from "../../../config/catalogue.ts";
import type { EntryProblem } from "../../core/entry-problem.ts";
import { AgentError } from "../../core/errors.ts";
import { CLASSIC_MAX_DATA_BYTES, isDataLength } from "../../ports/frame.ts";
import { encodeFrame } from "../../signals/codec/encode-frame.ts";
import { checksumOf } from "../../signals/codec/frame-protection.ts";
import { rawMaximumOf, rawMinimumOf } from "../../signals/codec/layout.ts";
import type { DbcMessage, DbcSignal } from "../../signals/dbc/model.ts";

/** Values of a multiplexer that a command may choose; each is tried when the catalogue is loaded. */
const MAX_CHOICES = 1024;

/** Everything that keeps the entry from making a frame that the bus carries, whatever arguments a command gives. */
export function frameProblems(config: ActuateConfig, message: DbcMessage): readonly EntryProblem[] {
  const unknown = message.complete ? undefined : `${message.name} is only in part known: its DBC file is damaged there`;
  const unfit = unknown ?? lengthProblem(message);
  if (unfit !== undefined) return [{ path: ["message"], problem: unfit }];
  const values = valueProblem(config, message);
  return values === undefined ? protectionProblems(config, message) : [values];
}

function lengthProblem({ name, length, fd }: DbcMessage): string | undefined {
  if (isDataLength(length, fd)) return undefined;
  return fd
    ? `${name} has ${length} bytes, as no CAN FD frame has`
    : `${name} has ${length} bytes, a classic frame carries ${CLASSIC_MAX_DATA_BYTES}; transport protocols are not spoken`;
}

/** Tries the smallest and the largest arguments, and each value of an argument that decides which signals are in the frame. */
function valueProblem({ signals }: ActuateConfig, message: DbcMessage): EntryProblem | undefined {
  const entries = Object.entries(signals);
  const at = (bound: "minimum" | "maximum") =>
    new Map(entries.map(([name, value]) => [name, boundOf(value, bound, signalOf(message, name))] as const));
  for (const values of [at("minimum"), at("maximum")]) {
    const encoded = encodeFrame(message, values);
    if (encoded.kind === "unfit") return { path: ["signals", encoded.signal], problem: encoded.problem };
  }
  for (const [name, value] of entries) {
    const signal = signalOf(message, name);
    if (typeof value === "number" || !("argument" in value) || signal?.multiplexer !== true) continue;
    const choices = choicesOf(value, signal);
    if (choices === undefined) return { path: ["signals", name], problem: `leaves more than ${MAX_CHOICES} values` };
    for (const choice of choices) {
      const encoded = encodeFrame(message, at("minimum").set(name, choice));
      if (encoded.kind === "unfit")
        return { path: ["signals", encoded.signal], problem: `for ${name} ${choice}: ${encoded.problem}` };
    }
  }
  return undefined;
}

/** The physical values within the bounds; undefined when they are too many to try. */
function choicesOf(
  { minimum, maximum }: { readonly minimum: number; readonly maximum: number },
  signal: DbcSignal,
): readonly number[] | undefined {
  const raws = [minimum, maximum].map((value) => Math.round((value - signal.offset) / signal.factor));
  const first = Math.max(Math.min(...raws), Number(rawMinimumOf(signal)));
  const last = Math.min(Math.max(...raws), Number(rawMaximumOf(signal)));
  if (last - first >= MAX_CHOICES) return undefined;
  const physical = Array.from(
    { length: last - first + 1 },
    (_, index) => (first + index) * signal.factor + signal.offset,
  );
  return physical.filter((value) => value >= minimum && value <= maximum);
}

function protectionProblems({ signals }: ActuateConfig, message: DbcMessage): readonly EntryProblem[] {
  return Object.entries(signals).flatMap(([name, value]): EntryProblem[] => {
    const signal = signalOf(message, name);
    if (typeof value === "number" || "argument" in value || signal === undefined) return [];
    const path = ["signals", name];
    const isOne = message.signals.filter((one) => one.name === name).length === 1;
    if (!isOne) return [{ path, problem: "is in several branches: neither counter nor checksum" }];
    if (signal.kind !== "integer") return [{ path, problem: "must be an integer signal" }];
    const isByte = !("checksum" in value) || checksumByte(signal) !== undefined;
    return isByte ? [] : [{ path, problem: "a checksum must be a whole byte" }];
  });
}

function boundOf(value: FrameValue, bound: "minimum" | "maximum", signal: DbcSignal | undefined): number {
  if (typeof value === "number") return value;
  if ("argument" in value) return value[bound];
  return signal?.offset ?? 0;
}

/** The data of one frame; `counters` hold the next value of each counter signal, and go on. */
export function frameData(
  { signals }: ActuateConfig,
  message: DbcMessage,
  given: ReadonlyMap<string, number>,
  counters: Map<string, number>,
): Uint8Array {
  const values = new Map<string, number>();
  for (const [name, value] of Object.entries(signals)) {
    const signal = signalOf(message, name);
    if (typeof value === "number") values.set(name, value);
    else if ("argument" in value) values.set(name, given.get(value.argument) ?? Number.NaN);
    else
      values.set(name, "counter" in value && signal !== undefined ? countUp(signal, counters) : (signal?.offset ?? 0));
  }
  const encoded = encodeFrame(message, values);
  if (encoded.kind === "unfit") {
    throw new AgentError("internal.bug", {
      what: `${message.name}.${encoded.signal} ${encoded.problem}`,
      remedy: "report it",
    });
  }
  for (const [name, value] of Object.entries(signals)) {
    if (typeof value === "number" || !("checksum" in value)) continue;
    const signal = signalOf(message, name);
    const at = signal === undefined ? undefined : checksumByte(signal);
    if (at !== undefined) encoded.data[at] = checksumOf(value.checksum, encoded.data);
  }
  return encoded.data;
}

/** The next value of a counter; it wraps at the largest value that the DBC file states, or that its bits hold. */
function countUp(
  { name, bits, maximum, minimum, factor, offset, signed }: DbcSignal,
  counters: Map<string, number>,
): number {
  const raw = counters.get(name) ?? 0;
  const held = 2 ** (signed ? bits - 1 : bits) - 1;
  const isStated = (minimum !== 0 || maximum !== 0) && Number.isFinite(maximum);
  const largest = isStated ? Math.min(held, Math.floor((maximum - offset) / factor)) : held;
  counters.set(name, raw >= largest ? 0 : raw + 1);
  return raw * factor + offset;
}

/** The byte that a whole-byte signal lies in. */
function checksumByte({ startBit, bits, byteOrder }: DbcSignal): number | undefined {
  const isWhole = bits === 8 && startBit % 8 === (byteOrder === "little" ? 0 : 7);
  return isWhole ? startBit >> 3 : undefined;
}

function signalOf(message: DbcMessage, name: string): DbcSignal | undefined {
  return message.signals.find((signal) => signal.name === name);
}
