import { z } from "zod";
import { programCommandName } from "../../config/program-values.ts";
import { issueText } from "../core/issue-text.ts";
import { PROGRAM_STREAMS, type ProgramStream } from "../core/program-streams.ts";
import { PROGRAM_STATUSES, type ProgramAnswer } from "../ports/program-commands.ts";
import type { ProgramRecord } from "../telemetry/record/encode/program-record.ts";

/** Values of one line. */
const MAX_VALUES = 256;
/** Of a text as a value, characters. */
const MAX_TEXT = 4096;
/** Commands that a program may say that it answers. */
const MAX_ANSWERS = 16;
/** Of an answer to a command: characters of its reason, and values. */
const MAX_REASON = 1024;
const MAX_RESULTS = 16;
/** An integer below this is no count of µs since the Unix epoch that a program of today means (1973): seconds or ms. */
const LEAST_TIME_US = 100_000_000_000_000;
/** The year 2112; below 2^53, and so exact. */
const MOST_TIME_US = 2 ** 52;
/** How much of a problem is told, characters: a program is told about its own text. */
const MAX_PROBLEM = 300;

const timeText = z.iso
  .datetime({ offset: true, error: "must be a time as RFC 3339 has it, with its zone: 2026-05-01T12:00:00.25Z" })
  .max(40)
  .transform(microsecondsOf)
  .refine((timeUs) => Math.abs(timeUs) <= MOST_TIME_US, "must be before the year 2112");
const timeNumber = z
  .int("must be whole µs since the Unix epoch")
  .min(LEAST_TIME_US, "must be µs since the Unix epoch, and is so small that it may be seconds or ms")
  .max(MOST_TIME_US, "must be µs since the Unix epoch, before the year 2112");

const value = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9_][\w.:/@-]{0,127}$/, "must be 1 to 128 letters, digits, '_', '.', ':', '/', '@' or '-'"),
  value: z.union([z.number(), z.boolean(), z.string().max(MAX_TEXT)], {
    error: `must be a number, true, false, or a text of at most ${MAX_TEXT} characters`,
  }),
  unit: z.string().max(32).default(""),
  time: z.union([timeText, timeNumber]).optional(),
});

const stream = z.enum(PROGRAM_STREAMS).default("telemetry");

const valuesLine = z.strictObject({ stream, values: z.array(value).min(1).max(MAX_VALUES) });
const bytesLine = z.strictObject({
  stream,
  contentType: z
    .string()
    .max(127)
    .regex(/^[\w.+-]+\/[\w.+-]+(; ?[\x21-\x7e ]+)?$/, "must be a media type such as application/json"),
  // Base64 in a line, bytes in a message.
  bytes: z.union([z.instanceof(Uint8Array), z.base64().transform((text) => Buffer.from(text, "base64"))], {
    error: "must be base64",
  }),
});
const nameLine = z.strictObject({
  program: z.string().min(1).max(64),
  answers: z.array(programCommandName).max(MAX_ANSWERS).default([]),
});
const answer = z
  .strictObject({
    id: z.string().min(1).max(64),
    status: z.enum(PROGRAM_STATUSES),
    reason: z.string().max(MAX_REASON).default(""),
    results: z
      .record(z.string().max(64), z.union([z.number(), z.boolean(), z.string().max(MAX_TEXT)]))
      .refine((results) => Object.keys(results).length <= MAX_RESULTS, `at most ${MAX_RESULTS}`)
      .default({}),
  })
  .refine(({ status, reason }) => status !== "succeeded" || reason === "", "a reason is for what did not succeed")
  .refine(
    ({ status, results }) => status !== "rejected" || Object.keys(results).length === 0,
    "what was rejected has no results",
  );
const answerLine = z.strictObject({ answer });

/** What a line of a program says. */
export type ProgramLine =
  | { readonly kind: "name"; readonly program: string; readonly answers: readonly string[] }
  | { readonly kind: "answer"; readonly id: string; readonly answer: ProgramAnswer }
  | { readonly kind: "record"; readonly stream: ProgramStream; readonly recordOf: RecordOf }
  | { readonly kind: "malformed"; readonly what: string };

/** The record of `program`; values without a time have `timeUs`. */
export type RecordOf = (program: string, timeUs: number) => ProgramRecord;

/** Reads a line: JSON with `program`, with `values`, with `contentType` and `bytes`, or with `answer`. Throws nothing. */
export function parseProgramLine(line: string): ProgramLine {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return { kind: "malformed", what: "the line is not JSON" };
  }
  if (typeof json !== "object" || json === null) return { kind: "malformed", what: "the line is not a JSON object" };
  return readProgramObject(json);
}

/** Reads what a line, or a message in the form of one, says. Throws nothing. */
export function readProgramObject(json: object): ProgramLine {
  if ("program" in json) return parsed(nameLine, json, (read) => ({ kind: "name", ...read }));
  if ("answer" in json) {
    return parsed(answerLine, json, ({ answer: { id, ...answer } }) => ({ kind: "answer", id, answer }));
  }
  if ("bytes" in json) return parsed(bytesLine, json, bytesOf);
  return parsed(valuesLine, json, valuesOf);
}

function parsed<T>(schema: z.ZodType<T>, json: object, lineOf: (read: T) => ProgramLine): ProgramLine {
  const result = schema.safeParse(json);
  if (result.success) return lineOf(result.data);
  return { kind: "malformed", what: issueText(result.error).slice(0, MAX_PROBLEM) };
}

function valuesOf({ stream, values }: z.infer<typeof valuesLine>): ProgramLine {
  const recordOf: RecordOf = (program, timeUs) => ({
    kind: "values",
    program,
    values: values.map(({ time, ...rest }) => ({ ...rest, timeUs: time ?? timeUs })),
    timeUs,
  });
  return { kind: "record", stream, recordOf };
}

function bytesOf({ stream, contentType, bytes }: z.infer<typeof bytesLine>): ProgramLine {
  const recordOf: RecordOf = (program, timeUs) => ({ kind: "bytes", program, contentType, content: bytes, timeUs });
  return { kind: "record", stream, recordOf };
}

/** Of a text that is a time for sure, µs since the Unix epoch; what is below a µs is cut. */
function microsecondsOf(text: string): number {
  const [, whole, fraction = "", zone] = /^([^.]*?)(?:\.(\d+))?(Z|[+-]\d{2}:\d{2})$/.exec(text) ?? [];
  return Date.parse(`${whole}${zone}`) * 1000 + Number(fraction.slice(0, 6).padEnd(6, "0"));
}
