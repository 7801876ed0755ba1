import { access } from "node:fs/promises";
import { join } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { z } from "zod";
import { LineExchange } from "../../../drivers/os/local-socket/line-exchange.ts";
import { untilAborted } from "../../core/aborted.ts";
import { AgentError, FAULTS, type FaultCode } from "../../core/errors.ts";
import { printable } from "../../core/plain-text.ts";
import { PROGRAM_STREAMS } from "../../core/program-streams.ts";
import { type CliContext, printJson, printLine, printProblem } from "../context.ts";
import { checkInputFile } from "../input-file.ts";
import { type PublishLine, type PublishOptions, publishLines } from "../publish-lines.ts";
import { runtimeFolder } from "../running-agent.ts";

/** Lines that may wait for their answers. The agent stores up to 64 in one transaction. */
const MOST_ON_THE_WAY = 128;

/** As the configuration has it. */
const PROGRAM_NAME = /^[a-z0-9][a-z0-9._-]{0,31}$/;

const stored = z.object({
  stored: z.object({ epoch: z.number(), stream: z.string(), seq: z.number() }),
});
const refused = z.object({ error: z.object({ code: z.string(), what: z.string(), remedy: z.string() }) });

/** `causeway publish`. */
export function registerPublish(program: Command, context: CliContext): void {
  program
    .command("publish")
    .description("hand a record to the running agent, and wait until it is stored")
    .argument("[values...]", "NAME=VALUE, or - for lines of JSON on standard input")
    .option("--program <name>", "as which program of the configuration", name)
    .addOption(
      new Option("--stream <stream>", "class of the record (default: telemetry)").choices([...PROGRAM_STREAMS]),
    )
    .option("--unit <unit>", "of the values")
    .option("--file <file>", "the bytes of a file in place of values")
    .option("--content-type <type>", "media type of --file (default: application/octet-stream)")
    .addHelpText(
      "after",
      `
VALUE is true, false, a number, or else a text. Lines of - are as publish.sock takes them; --stream and --unit are for those
that say none. They are sent before the answers to earlier ones are there, and answered in their order.
Ends with 0 once every record is durable, else with the code of the first that is not.

Examples:
  causeway publish --stream event door.open=true
  causeway publish --program door-watch --unit degC cabin=21.5 trunk=19
  echo '{"values":[{"name":"load","value":0.4}]}' | causeway publish -
  causeway publish --file photo.jpg --content-type image/jpeg`,
    )
    .action(async (values: string[], options: PublishOptions & { readonly program?: string }) => {
      const lines = publishLines(values, options, context);
      // What is wrong with the file is said whether an agent runs or not.
      if (options.file !== undefined && options.file !== "-") await checkInputFile(options.file);
      await publish(lines, options.program, context);
    });
}

function name(text: string): string {
  if (text.length >= 1 && text.length <= 64) return text;
  throw new InvalidArgumentError("Give 1 to 64 characters.");
}

async function publish(
  lines: AsyncIterable<PublishLine>,
  program: string | undefined,
  context: CliContext,
): Promise<void> {
  const path = await socketOf(await runtimeFolder(context), program);
  const exchange = await LineExchange.open(path);
  const close = (): void => exchange.close();
  context.signal.addEventListener("abort", close, { once: true });
  try {
    if (program !== undefined) {
      const fault = faultOf(await inTime(exchange, exchange.ask(JSON.stringify({ program })), context));
      if (fault !== undefined) throw fault;
    }
    await handOver(exchange, lines, context);
  } finally {
    context.signal.removeEventListener("abort", close);
    exchange.close();
  }
}

/** Of a program that has its own where there is one, which it may use or not. */
async function socketOf(folder: string, program = ""): Promise<string> {
  const own = join(folder, `publish-${program}.sock`);
  const hasOwn = PROGRAM_NAME.test(program) && (await isThere(own));
  return hasOwn ? own : join(folder, "publish.sock");
}

async function isThere(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

/** Sends each line as soon as few are without an answer, and shows the answers. Throws the fault of a connection that ends before the last. */
async function handOver(exchange: LineExchange, lines: AsyncIterable<PublishLine>, context: CliContext): Promise<void> {
  const over = new AbortController();
  const onTheWay: Promise<void>[] = [];
  let first: FaultCode | undefined;
  let last = Promise.resolve();
  for await (const { text, place } of untilAborted(lines, over.signal)) {
    const answer = exchange.ask(text);
    // Told by `last`, which waits for it in its turn.
    answer.catch(() => undefined);
    last = last.then(async () => {
      const fault = show(await inTime(exchange, answer, context), place, context);
      first ??= fault;
    });
    last.catch(() => over.abort());
    onTheWay.push(last);
    if (onTheWay.length >= MOST_ON_THE_WAY) await onTheWay.shift();
  }
  await last;
  if (first !== undefined) context.finish(FAULTS[first].exit);
}

/** Gives up after --timeout, which counts from the answer before. */
async function inTime(exchange: LineExchange, answer: Promise<unknown>, context: CliContext): Promise<unknown> {
  const answered = new AbortController();
  void context.clock.sleep(context.options().timeoutMs, answered.signal).then(() => {
    if (!answered.signal.aborted) exchange.close();
  });
  try {
    return await answer;
  } finally {
    answered.abort();
  }
}

/** Prints an answer; gives the code of its fault. */
function show(answer: unknown, place: string, context: CliContext): FaultCode | undefined {
  const { json, quiet } = context.options();
  if (json) printJson(context, { schemaVersion: 1, ...z.looseObject({}).parse(answer) });
  const fault = faultOf(answer);
  if (fault !== undefined) {
    if (!json) printProblem(context, { what: `${place}${fault.message}`, remedy: fault.remedy });
    return fault.code;
  }
  if (json || quiet) return undefined;
  const read = stored.safeParse(answer);
  const { stream, seq, epoch } = read.data?.stored ?? {};
  printLine(context, read.success ? `stored ${stream} ${seq} of epoch ${epoch}` : "named");
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
