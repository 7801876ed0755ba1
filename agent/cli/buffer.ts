import { type Command, InvalidArgumentError, Option } from "commander";
import pico from "picocolors";
import { z } from "zod";
import { STREAMS, type StreamName } from "../ports.ts";
import { outboxStatus } from "../status.ts";
import { type CliContext, note, printJson, printLine } from "./context.ts";
import { formatBytes, formatDuration } from "./quantity.ts";
import { outboxLines } from "./status-page.ts";
import { alignColumns } from "./text.ts";
import { askAgent, parseAnswer, viewSocketPath } from "./view-socket.ts";

const MAX_LIMIT = 10_000;

const listAnswer = z.object({
  schemaVersion: z.literal(1),
  records: z.array(
    z.object({
      row: z.int(),
      epoch: z.int(),
      stream: z.enum(STREAMS),
      seq: z.int(),
      bytes: z.int(),
      encoding: z.string(),
      storedAtUs: z.number(),
      dead: z.boolean(),
    }),
  ),
});

type ListedRecord = z.infer<typeof listAnswer>["records"][number];

/** `causeway buffer stats|list`: the records that the running daemon keeps until they are delivered. */
export function registerBuffer(program: Command, context: CliContext): void {
  const buffer = program.command("buffer").description("records stored until they are delivered");
  buffer
    .command("stats")
    .description("records, bytes, losses and age of each stream")
    .addHelpText("after", "\nExample:\n  causeway buffer stats --json | jq .streams.telemetry.records")
    .action(() => showStats(context));
  buffer
    .command("list")
    .description("stored records, oldest first, without their payload")
    .addOption(new Option("--stream <name>", "only this stream").choices(STREAMS))
    .option("--limit <count>", `at most so many, up to ${MAX_LIMIT}`, parseLimit, 50)
    .addHelpText(
      "after",
      "\nWith --json one object a record.\n\nExample:\n  causeway buffer list --stream event --limit 20",
    )
    .action((options: { readonly stream?: StreamName; readonly limit: number }) => listRecords(options, context));
}

async function showStats(context: CliContext): Promise<void> {
  const answer = await askAgent(context, await viewSocketPath(context), { verb: "buffer.stats" });
  const stats = parseAnswer(outboxStatus, answer);
  const { json, color } = context.options();
  if (json) {
    printJson(context, answer);
    return;
  }
  const colors = pico.createColors(color && context.stdout.isTerminal);
  for (const line of outboxLines(stats, context.clock.wallUs(), colors)) printLine(context, line);
}

async function listRecords(
  { stream, limit }: { readonly stream?: StreamName; readonly limit: number },
  context: CliContext,
): Promise<void> {
  const path = await viewSocketPath(context);
  const { records } = parseAnswer(listAnswer, await askAgent(context, path, { verb: "buffer.list", stream, limit }));
  if (context.options().json) {
    for (const record of records) printJson(context, { schemaVersion: 1, ...record });
    return;
  }
  if (records.length === 0) {
    note(context, "nothing is stored");
    return;
  }
  for (const line of recordTable(records, context.clock.wallUs())) printLine(context, line);
  if (records.length === limit) note(context, `the first ${limit}; --limit shows more`);
}

function recordTable(records: readonly ListedRecord[], wallUs: number): readonly string[] {
  return alignColumns([
    ["row", "stream", "seq", "bytes", "encoding", "age", "state"],
    ...records.map(({ row, stream, seq, bytes, encoding, storedAtUs, dead }) => [
      String(row),
      stream,
      String(seq),
      formatBytes(bytes),
      encoding,
      formatDuration((wallUs - storedAtUs) / 1000),
      dead ? "dead" : "waiting",
    ]),
  ]);
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    throw new InvalidArgumentError(`Give a whole number from 1 to ${MAX_LIMIT}.`);
  }
  return limit;
}
