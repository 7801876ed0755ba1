import { join } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { z } from "zod";
import { LineExchange } from "../../../drivers/os/local-socket/line-exchange.ts";
import { AgentError, FAULTS, type FaultCode } from "../../core/errors.ts";
import { printable } from "../../core/plain-text.ts";
import { PROGRAM_STREAMS, type ProgramStream } from "../../core/program-streams.ts";
import { type CliContext, printJson, printLine } from "../context.ts";
import { readInput } from "../input-file.ts";
import { runtimeFolder } from "../running-agent.ts";

/** As JSON writes numbers. */
const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

const stored = z.object({
  stored: z.object({ epoch: z.number(), stream: z.string(), seq: z.number() }),
});
const refused = z.object({ error: z.object({ code: z.string(), what: z.string(), remedy: z.string() }) });

type PublishOptions = {
  readonly program?: string;
  readonly stream: ProgramStream;
  readonly unit?: string;
  readonly file?: string;
  readonly contentType: string;
};

/** `causeway publish`. */
export function registerPublish(program: Command, context: CliContext): void {
  program
    .command("publish")
    .description("hand a record to the running agent, and wait until it is stored")
    .argument("[values...]", "NAME=VALUE, or - for lines of JSON on standard input")
    .option("--program <name>", "as which program of the configuration", name)
    .addOption(
      new Option("--stream <stream>", "class of the record").choices([...PROGRAM_STREAMS]).default("telemetry"),
    )
    .option("--unit <unit>", "of the values")
    .option("--file <file>", "the bytes of a file in place of values")
    .option("--content-type <type>", "media type of --file", "application/octet-stream")
    .addHelpText(
      "after",
      `
VALUE is true, false, a number, or else a text. Lines of - are as publish.sock takes them.
Ends with 0 once every record is durable, else with the code of the first that is not.

Examples:
  causeway publish --stream event door.open=true
  causeway publish --program door-watch --unit degC cabin=21.5 trunk=19
  echo '{"values":[{"name":"load","value":0.4}]}' | causeway publish -
  causeway publish --file photo.jpg --content-type image/jpeg`,
    )
    .action(async (values: string[], options: PublishOptions) => publish(values, options, context));
}

function name(text: string): string {
  if (text.length >= 1 && text.length <= 64) return text;
  throw new InvalidArgumentError("Give 1 to 64 characters.");
}

async function publish(values: readonly string[], options: PublishOptions, context: CliContext): Promise<void> {
  const lines = linesOf(values, options, context);
  const path = join(await runtimeFolder(context), "publish.sock");
  const exchange = await LineExchange.open(path);
  const close = (): void => exchange.close();
  context.signal.addEventListener("abort", close, { once: true });
  try {
    if (options.program !== undefined) {
      const fault = faultOf(await inTime(exchange, JSON.stringify({ program: options.program }), context));
      if (fault !== undefined) throw fault;
    }
    let first: AgentError | undefined;
    for await (const line of lines) {
      const fault = show(await inTime(exchange, line, context), context);
      first ??= fault;
    }
    if (first !== undefined) throw first;
  } finally {
    context.signal.removeEventListener("abort", close);
    exchange.close();
  }
}

/** Gives up after --timeout. */
async function inTime(exchange: LineExchange, line: string, context: CliContext): Promise<unknown> {
  const answered = new AbortController();
  void context.clock.sleep(context.options().timeoutMs, answered.signal).then(() => {
    if (!answered.signal.aborted) exchange.close();
  });
  try {
    return await exchange.ask(line);
  } finally {
    answered.abort();
  }
}

function linesOf(
  values: readonly string[],
  { stream, unit, file, contentType }: PublishOptions,
  context: CliContext,
): AsyncIterable<string> {
  const given = [values.length > 0, file !== undefined].filter(Boolean).length;
  if (given !== 1) {
    const remedy = "give NAME=VALUE, -, or --file FILE";
    throw new AgentError("usage.invalid", { what: "publish needs one thing to hand over", remedy });
  }
  if (file !== undefined) return fileLine(file, { stream, contentType }, context);
  if (values.length === 1 && values[0] === "-") return inputLines(context);
  return single(JSON.stringify({ stream, values: values.map((text) => valueOf(text, unit)) }));
}

async function* single(line: string): AsyncGenerator<string> {
  yield line;
}

async function* fileLine(
  file: string,
  about: { readonly stream: ProgramStream; readonly contentType: string },
  context: CliContext,
): AsyncGenerator<string> {
  const parts: Uint8Array[] = [];
  for await (const part of readInput(context, file)) parts.push(Uint8Array.from(part));
  yield JSON.stringify({ ...about, bytes: Buffer.concat(parts).toString("base64") });
}

/** Lines of standard input; a last one without its newline counts. */
async function* inputLines(context: CliContext): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const part of readInput(context, "-")) {
    const lines = (rest + decoder.decode(part, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.trim() !== "") yield line;
  }
  if (rest.trim() !== "") yield rest;
}

function valueOf(text: string, unit: string | undefined) {
  const at = text.indexOf("=");
  if (at < 1) {
    throw new AgentError("usage.invalid", { what: `${text} is no NAME=VALUE`, remedy: "write door.open=true" });
  }
  const word = text.slice(at + 1);
  const value = NUMBER.test(word) ? Number(word) : word === "true" ? true : word === "false" ? false : word;
  return { name: text.slice(0, at), value, ...(unit !== undefined && { unit }) };
}

/** Prints an answer; gives its fault. */
function show(answer: unknown, context: CliContext): AgentError | undefined {
  if (context.options().json) printJson(context, { schemaVersion: 1, ...z.looseObject({}).parse(answer) });
  const fault = faultOf(answer);
  if (fault !== undefined || context.options().json || context.options().quiet) return fault;
  const read = stored.safeParse(answer);
  if (!read.success) printLine(context, "named");
  else
    printLine(context, `stored ${read.data.stored.stream} ${read.data.stored.seq} of epoch ${read.data.stored.epoch}`);
  return undefined;
}

function faultOf(answer: unknown): AgentError | undefined {
  const read = refused.safeParse(answer);
  if (!read.success) return undefined;
  const { code, what, remedy } = read.data.error;
  const known = isFaultCode(code) ? code : "internal.bug";
  return new AgentError(known, { what: printable(what), remedy: printable(remedy) });
}

function isFaultCode(code: string): code is FaultCode {
  return Object.hasOwn(FAULTS, code);
}
