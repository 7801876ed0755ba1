import protobuf from "protobufjs/light.js";
import "protobufjs/ext/descriptor.js";
import { z } from "zod";
import { ProtobufWriter } from "../telemetry/record/encode/protobuf-writer.ts";
import { type ProgramLine, readProgramObject } from "./program-line.ts";
import type { ToProgram } from "./to-program.ts";

/** Field numbers of config/proto/program.proto. */
const KIND = { named: 1, stored: 2, answered: 3, error: 4, command: 5 } as const;
const NAMED = { program: 1, answers: 2 } as const;
const STORED = { epoch: 1, stream: 2, seq: 3 } as const;
const ANSWERED = { id: 1 } as const;
const ERROR = { code: 1, what: 2, remedy: 3 } as const;
const COMMAND = { id: 1, name: 2, arguments: 3, deadlineMs: 4, ledgerId: 5 } as const;
const SCALAR = { name: 1, number: 2, flag: 3, text: 4 } as const;

/** By their numbers in config/proto/program.proto; a newer number is no word, and refused as one. */
const STREAMS = ["telemetry", "event"] as const;
const STATUSES = [undefined, "succeeded", "failed", "rejected"] as const;
/** For the fields of a message beside its texts, bytes. */
const FIELDS_BYTES = 64;

/** One more than any list of a line may have, so that a longer one is refused as too long, and costs no more to look at. */
const MOST_LOOKED_AT = 257;
const listOf = <T>(one: z.ZodType<T>) =>
  z
    .array(z.unknown())
    .transform((list) => list.slice(0, MOST_LOOKED_AT))
    .pipe(z.array(one));

const oneValue = {
  name: z.string(),
  number: z.unknown().optional(),
  flag: z.boolean().optional(),
  text: z.string().optional(),
};
type OneValue = { readonly [kind in "number" | "flag" | "text"]?: unknown };
const scalar = z.object(oneValue).transform((read) => [read.name, scalarOf(read)] as const);
const value = z
  .object({ ...oneValue, unit: z.string(), time_us: z.number().nullish() })
  .transform(({ name, unit, time_us: timeUs, ...read }) => ({
    name,
    value: scalarOf(read),
    unit,
    // JSON has no member where a field is absent.
    ...(typeof timeUs === "number" && { time: timeUs }),
  }));
const stream = z.int().transform((number) => STREAMS[number] ?? number);

/** A `FromProgram` as protobufjs gives it, in the words of a line. */
const message = z
  .object({
    name: z.object({ program: z.string(), answers: listOf(z.string()) }).optional(),
    values: z.object({ stream, values: listOf(value) }).optional(),
    bytes: z
      .object({ stream, content_type: z.string(), content: z.instanceof(Uint8Array) })
      .transform(({ content_type: contentType, content, ...rest }) => ({ ...rest, contentType, bytes: content }))
      .optional(),
    answer: z.object({ id: z.string(), status: z.int(), reason: z.string(), results: listOf(scalar) }).optional(),
  })
  .transform(({ name, values, bytes, answer }) => name ?? values ?? bytes ?? (answer && { answer: answerOf(answer) }));

function scalarOf({ number, flag, text }: OneValue): unknown {
  return number ?? flag ?? text;
}

/** A result that is named twice has no value, and is refused as one that has none. */
function answerOf({ status, results, ...rest }: { status: number; results: readonly (readonly [string, unknown])[] }) {
  const named = new Map<string, unknown>();
  for (const [name, result] of results) named.set(name, named.has(name) ? undefined : result);
  return { ...rest, status: STATUSES[status] ?? status, results: Object.fromEntries(named) };
}

/** Reads messages of programs by `descriptor`, the FileDescriptorSet of config/proto/program.proto, as lines are read. What it gives throws nothing. */
export function createMessageReader(descriptor: Uint8Array): (bytes: Uint8Array) => ProgramLine {
  const type = protobuf.Root.fromDescriptor(descriptor, { keepCase: true }).lookupType(
    "causeway.program.v1.FromProgram",
  );
  return (bytes) => {
    const parsed = message.safeParse(objectOf(type, bytes));
    if (!parsed.success) return { kind: "malformed", what: "the message is no FromProgram" };
    if (parsed.data === undefined) return { kind: "malformed", what: "the message says nothing" };
    return readProgramObject(parsed.data);
  };
}

function objectOf(type: protobuf.Type, bytes: Uint8Array): unknown {
  try {
    return type.toObject(type.decode(bytes), { longs: Number, arrays: true, defaults: true });
  } catch {
    // What a program sends may be anything; it is told so.
    return undefined;
  }
}

/** The bytes of a message to a program, their length before them. */
export function encodeToProgram(said: ToProgram): Uint8Array {
  const writer = new ProtobufWriter();
  write(writer, said);
  const content = writer.finish();
  writer.reset();
  writer.uint(content.length);
  writer.append(content);
  return writer.finish();
}

function write(writer: ProtobufWriter, said: ToProgram): void {
  if ("stored" in said) return writeStored(writer, said.stored);
  if ("error" in said) return writeError(writer, said.error);
  if ("command" in said) return writeCommand(writer, said.command);
  if ("answered" in said) {
    writer.begin(KIND.answered, FIELDS_BYTES);
    writer.stringField(ANSWERED.id, said.answered);
  } else {
    writer.begin(KIND.named, FIELDS_BYTES);
    writer.stringField(NAMED.program, said.program);
    for (const name of said.answers ?? []) writer.presentStringField(NAMED.answers, name);
  }
  writer.end();
}

function writeStored(
  writer: ProtobufWriter,
  { epoch, stream: name, seq }: Extract<ToProgram, { stored: object }>["stored"],
): void {
  writer.begin(KIND.stored, FIELDS_BYTES);
  writer.uintField(STORED.epoch, epoch);
  writer.uintField(STORED.stream, STREAMS.indexOf(name));
  writer.uintField(STORED.seq, seq);
  writer.end();
}

function writeError(
  writer: ProtobufWriter,
  { code, what, remedy }: Extract<ToProgram, { error: object }>["error"],
): void {
  writer.begin(KIND.error, FIELDS_BYTES);
  writer.stringField(ERROR.code, code);
  writer.stringField(ERROR.what, what);
  writer.stringField(ERROR.remedy, remedy);
  writer.end();
}

function writeCommand(writer: ProtobufWriter, command: Extract<ToProgram, { command: object }>["command"]): void {
  writer.begin(KIND.command, FIELDS_BYTES);
  writer.stringField(COMMAND.id, command.id);
  writer.stringField(COMMAND.name, command.name);
  for (const [name, given] of Object.entries(command.arguments)) {
    writer.begin(COMMAND.arguments, FIELDS_BYTES);
    writer.stringField(SCALAR.name, name);
    if (typeof given === "number") writer.presentDoubleField(SCALAR.number, given);
    else if (typeof given === "boolean") writer.presentUintField(SCALAR.flag, given ? 1 : 0);
    else writer.presentStringField(SCALAR.text, given);
    writer.end();
  }
  writer.uintField(COMMAND.deadlineMs, command.deadlineMs);
  writer.stringField(COMMAND.ledgerId, command.ledgerId ?? "");
  writer.end();
}
