import { z } from "zod";
import { AgentError } from "../core/errors.ts";
import type { ProgramStream } from "../core/program-streams.ts";
import type { CliContext } from "./context.ts";
import { readInput } from "./input-file.ts";

/** As JSON writes numbers. */
const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;
const STREAM: ProgramStream = "telemetry";
const CONTENT_TYPE = "application/octet-stream";

/** What the options of `causeway publish` say of what it hands over. */
export type PublishOptions = {
  readonly stream?: ProgramStream;
  readonly unit?: string;
  readonly file?: string;
  readonly contentType?: string;
};

/** A line for publish.sock. `place` names where it is from, for people: "line 3: ", or nothing where there is one alone. */
export type PublishLine = { readonly text: string; readonly place: string };

/** The lines that these arguments ask for. Throws `usage.invalid` where they contradict each other, at once; while it is read `input.missing`. */
export function publishLines(
  values: readonly string[],
  options: PublishOptions,
  context: CliContext,
): AsyncIterable<PublishLine> {
  const { stream = STREAM, unit, file, contentType = CONTENT_TYPE } = options;
  if (values.length > 0 === (file !== undefined)) {
    throw usage("publish needs one thing to hand over", "give NAME=VALUE, -, or --file FILE");
  }
  if (file !== undefined) {
    if (unit !== undefined) throw usage("the bytes of a file have no unit", "leave --unit out");
    return fileLine(file, { stream, contentType }, context);
  }
  if (options.contentType !== undefined) throw usage("values have no media type", "leave --content-type out");
  if (values.length === 1 && values[0] === "-") return inputLines(options, context);
  return single(JSON.stringify({ stream, values: values.map((text) => valueOf(text, unit)) }));
}

function usage(what: string, remedy: string): AgentError {
  return new AgentError("usage.invalid", { what, remedy });
}

async function* single(text: string): AsyncGenerator<PublishLine> {
  yield { text, place: "" };
}

async function* fileLine(
  file: string,
  about: { readonly stream: ProgramStream; readonly contentType: string },
  context: CliContext,
): AsyncGenerator<PublishLine> {
  const parts: Uint8Array[] = [];
  for await (const part of readInput(context, file)) parts.push(Uint8Array.from(part));
  yield* single(JSON.stringify({ ...about, bytes: Buffer.concat(parts).toString("base64") }));
}

/** Lines of standard input but for blank ones; a last one without its newline counts. */
async function* inputLines(options: PublishOptions, context: CliContext): AsyncGenerator<PublishLine> {
  const decoder = new TextDecoder();
  let rest = "";
  let number = 0;
  const lineOf = (text: string): PublishLine | undefined => {
    number += 1;
    return text.trim() === "" ? undefined : { text: completed(text, options), place: `line ${number}: ` };
  };
  for await (const part of readInput(context, "-")) {
    const lines = (rest + decoder.decode(part, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const text of lines) {
      const line = lineOf(text);
      if (line !== undefined) yield line;
    }
  }
  const last = lineOf(rest + decoder.decode());
  if (last !== undefined) yield last;
}

const recordLine = z.looseObject({ values: z.array(z.looseObject({})).optional() });

/** The line with stream and unit where it says none itself. What is no record is left as it is, for the agent to judge. */
function completed(text: string, { stream, unit }: PublishOptions): string {
  if (stream === undefined && unit === undefined) return text;
  const line = recordLine.safeParse(parsedJson(text));
  if (!line.success || "program" in line.data) return text;
  const { values, ...rest } = line.data;
  const own = values?.map((value) => ({ ...(unit !== undefined && { unit }), ...value }));
  return JSON.stringify({
    ...(stream !== undefined && { stream }),
    ...rest,
    ...(own !== undefined && { values: own }),
  });
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function valueOf(text: string, unit: string | undefined) {
  const at = text.indexOf("=");
  if (at < 1) throw usage(`${text} is no NAME=VALUE`, "write door.open=true");
  const word = text.slice(at + 1);
  const value = NUMBER.test(word) ? Number(word) : word === "true" ? true : word === "false" ? false : word;
  return { name: text.slice(0, at), value, ...(unit !== undefined && { unit }) };
}
