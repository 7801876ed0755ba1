import type { FrameValue } from "../../../config/catalogue.ts";
import type { EntryProblem } from "../../core/entry-problem.ts";
import { type ChecksumRule, checksumOf } from "../../signals/codec/frame-protection.ts";
import type { DbcMessage, DbcSignal } from "../../signals/dbc/model.ts";

/** A value that a command gives, within physical bounds. */
export type FrameArgument = { readonly name: string; readonly minimum: number; readonly maximum: number };

/** What fills one signal of a frame that is sent. Values are physical. */
export type FrameField = {
  readonly name: string;
  /** What the command gives for it; undefined where the catalogue or the agent fills it. */
  readonly argument: FrameArgument | undefined;
  /** The least and the greatest value that it has; those of a counter and a checksum fit whatever they count or sum up. */
  readonly minimum: number;
  readonly maximum: number;
  /** Why the signal cannot hold what fills it. */
  readonly problem: EntryProblem | undefined;
  /** The value in the next frame; a counter goes on with it. `given` holds the arguments by name. */
  next(given: ReadonlyMap<string, number>): number;
  /** Puts in what depends on all other bytes, once they are there. */
  seal(data: Uint8Array): void;
};

/** Makes the field of one entry under `signals` of the catalogue. */
export function frameField(name: string, value: FrameValue, message: DbcMessage): FrameField {
  if (typeof value === "number") return { ...plainField(name, value), next: () => value };
  if ("argument" in value) {
    const { argument, minimum, maximum } = value;
    const next = (given: ReadonlyMap<string, number>): number => given.get(argument) ?? Number.NaN;
    return { ...plainField(name, minimum), argument: { name: argument, minimum, maximum }, maximum, next };
  }
  const signal = signalOf(message, name);
  // A name of no signal is found when the frame is tried.
  if (signal === undefined) return { ...plainField(name, 0), next: () => 0 };
  const field = { ...plainField(name, signal.offset), problem: protectionProblem(name, message, signal) };
  if ("counter" in value) return { ...field, next: counterOf(signal) };
  return checksumField(field, value.checksum, signal);
}

/** The signal of this name, the first where exclusive branches have several. */
export function signalOf(message: DbcMessage, name: string): DbcSignal | undefined {
  return message.signals.find((signal) => signal.name === name);
}

type PlainField = Omit<FrameField, "next">;

function plainField(name: string, value: number): PlainField {
  return { name, argument: undefined, minimum: value, maximum: value, problem: undefined, seal: () => undefined };
}

function checksumField(field: PlainField, rule: ChecksumRule, signal: DbcSignal): FrameField {
  const at = wholeByte(signal);
  const problem = at === undefined ? unfit(field.name, "a checksum must be a whole byte") : undefined;
  const seal = (data: Uint8Array): void => {
    if (at !== undefined) data[at] = checksumOf(rule, data);
  };
  return { ...field, problem: field.problem ?? problem, next: () => signal.offset, seal };
}

function protectionProblem(name: string, message: DbcMessage, { kind }: DbcSignal): EntryProblem | undefined {
  const isOne = message.signals.filter((one) => one.name === name).length === 1;
  if (!isOne) return unfit(name, "is in several branches: neither counter nor checksum");
  return kind === "integer" ? undefined : unfit(name, "must be an integer signal");
}

function unfit(name: string, problem: string): EntryProblem {
  return { path: ["signals", name], problem };
}

/** Counts from raw 0; wraps at the greatest value that the DBC file states, or that the bits hold. */
function counterOf({ bits, maximum, minimum, factor, offset, signed }: DbcSignal): () => number {
  const held = 2 ** (signed ? bits - 1 : bits) - 1;
  const isStated = (minimum !== 0 || maximum !== 0) && Number.isFinite(maximum);
  const greatest = isStated ? Math.min(held, Math.floor((maximum - offset) / factor)) : held;
  let nextRaw = 0;
  return () => {
    const raw = nextRaw;
    nextRaw = raw >= greatest ? 0 : raw + 1;
    return raw * factor + offset;
  };
}

/** The byte that a whole-byte signal lies in. */
function wholeByte({ startBit, bits, byteOrder }: DbcSignal): number | undefined {
  const isWhole = bits === 8 && startBit % 8 === (byteOrder === "little" ? 0 : 7);
  return isWhole ? startBit >> 3 : undefined;
}
