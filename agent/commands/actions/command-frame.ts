import type { ActuateConfig } from "../../../config/catalogue.ts";
import type { EntryProblem } from "../../core/entry-problem.ts";
import { AgentError } from "../../core/errors.ts";
import { type CanFrame, CLASSIC_MAX_DATA_BYTES, FRAME_FLAG, isDataLength } from "../../ports/frame.ts";
import { encodeFrame } from "../../signals/codec/encode-frame.ts";
import { rawMaximumOf, rawMinimumOf } from "../../signals/codec/layout.ts";
import type { DbcMessage, DbcSignal } from "../../signals/dbc/model.ts";
import { type FrameArgument, type FrameField, frameField, signalOf } from "./frame-field.ts";

/** Values of a multiplexer that a command may choose; each is tried when the catalogue is loaded. */
const MAX_CHOICES = 1024;

/** The frames of one entry of the catalogue. */
export type CommandFrame = {
  /** What a command must give, and nothing else; one name may be there several times. */
  readonly arguments: readonly FrameArgument[];
  /** The next frame; counters go on with it. `given` holds a value within its bounds for each argument. */
  next(given: ReadonlyMap<string, number>): CanFrame;
};

/** A frame that can be made, or everything that keeps the entry from making one. */
export type CompiledFrame =
  | { readonly kind: "frame"; readonly frame: CommandFrame }
  | { readonly kind: "unfit"; readonly problems: readonly EntryProblem[] };

/** Makes the frame of an entry, which the bus carries whatever arguments a command gives within their bounds. */
export function compileFrame(signals: ActuateConfig["signals"], message: DbcMessage): CompiledFrame {
  const problem = messageProblem(message);
  if (problem !== undefined) return { kind: "unfit", problems: [{ path: ["message"], problem }] };
  const fields = Object.entries(signals).map(([name, value]) => frameField(name, value, message));
  const unfit = valueProblem(fields, message);
  const problems = unfit === undefined ? fields.flatMap((field) => field.problem ?? []) : [unfit];
  if (problems.length > 0) return { kind: "unfit", problems };
  const flags = (message.extended ? FRAME_FLAG.extended : 0) | (message.fd ? FRAME_FLAG.fd : 0);
  const next: CommandFrame["next"] = (given) => {
    const data = dataOf(fields, message, given);
    return { id: message.id, flags, data, receivedAtUs: 0 };
  };
  return { kind: "frame", frame: { arguments: fields.flatMap(({ argument }) => argument ?? []), next } };
}

function messageProblem({ name, length, fd, complete }: DbcMessage): string | undefined {
  if (!complete) return `${name} is only in part known: its DBC file is damaged there`;
  if (isDataLength(length, fd)) return undefined;
  return fd
    ? `${name} has ${length} bytes, as no CAN FD frame has`
    : `${name} has ${length} bytes, a classic frame carries ${CLASSIC_MAX_DATA_BYTES}; transport protocols are not spoken`;
}

/** Tries the smallest and the largest arguments, and each value of an argument that decides which signals are in the frame. */
function valueProblem(fields: readonly FrameField[], message: DbcMessage): EntryProblem | undefined {
  const at = (bound: "minimum" | "maximum") => new Map(fields.map((field) => [field.name, field[bound]] as const));
  for (const values of [at("minimum"), at("maximum")]) {
    const encoded = encodeFrame(message, values);
    if (encoded.kind === "unfit") return { path: ["signals", encoded.signal], problem: encoded.problem };
  }
  for (const { name, argument } of fields) {
    const signal = signalOf(message, name);
    if (argument === undefined || signal?.multiplexer !== true) continue;
    const choices = choicesOf(argument, signal);
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
function choicesOf({ minimum, maximum }: FrameArgument, signal: DbcSignal): readonly number[] | undefined {
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

function dataOf(fields: readonly FrameField[], message: DbcMessage, given: ReadonlyMap<string, number>): Uint8Array {
  const encoded = encodeFrame(message, new Map(fields.map((field) => [field.name, field.next(given)] as const)));
  if (encoded.kind === "unfit") {
    throw new AgentError("internal.bug", {
      what: `${message.name}.${encoded.signal} ${encoded.problem}`,
      remedy: "report it",
    });
  }
  for (const field of fields) field.seal(encoded.data);
  return encoded.data;
}
