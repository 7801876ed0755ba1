import { Argument, type Command, InvalidArgumentError, Option } from "commander";
import pico from "picocolors";
import type { z } from "zod";
import { EXIT } from "../../core/errors.ts";
import { formatBytes, formatCounted, formatDuration } from "../../core/quantity.ts";
import { bufferDrop, bufferFlush, bufferList, bufferStats, MAX_LISTED } from "../../local-api/buffer-schema.ts";
import { statusVerb } from "../../local-api/status-schema.ts";
import { STREAMS, type StreamName } from "../../ports/outbox.ts";
import { deliveryObstacles, deliveryProblems } from "../../support/delivery-checks.ts";
import { heldBack } from "../../support/link-checks.ts";
import { type CliContext, note, printJson, printLine, printProblem, printText } from "../context.ts";
import { confirm } from "../questions.ts";
import { runningAgent } from "../running-agent.ts";
import { outboxLines } from "../status-lines/outbox.ts";
import { tableLines } from "../text.ts";
import { registerBufferExport } from "./buffer-export.ts";

/** What is left of --timeout for the answer itself. */
const ANSWER_MARGIN_MS = 1000;

type ListedRecord = z.infer<typeof bufferList.answer>["records"][number];

/** `causeway buffer stats|list|export|flush|drop`: the records that the running daemon keeps until they are delivered. */
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
    .option("--limit <count>", `at most so many, up to ${MAX_LISTED}`, parseLimit, 50)
    .addHelpText(
      "after",
      "\nWhat keeps records from being stored or taken is said on stderr first. With --json one object a record.\n\nExample:\n  causeway buffer list --stream event --limit 20",
    )
    .action((options: { readonly stream?: StreamName; readonly limit: number }) => listRecords(options, context));
  registerBufferExport(buffer, context);
  buffer
    .command("flush")
    .description("try at once what waits for a later attempt, and wait until all that is stored now is delivered")
    .addHelpText(
      "after",
      "\nEnds with 75 when records are left after --timeout, and says on stderr what keeps them.\n\nExample:\n  causeway buffer flush --timeout 60",
    )
    .action(() => flush(context));
  buffer
    .command("drop")
    .description("give up the stored records of one stream; the loss is reported to consumers")
    .addArgument(new Argument("<stream>", "which").choices(STREAMS))
    .option("--yes", "do not ask", false)
    .addHelpText(
      "after",
      "\nRecords on their way are left to arrive. Ends with 75 when more are left after --timeout.\n\nExample:\n  causeway buffer drop capture --yes",
    )
    .action((stream: StreamName, { yes }: { readonly yes: boolean }) => drop(stream, yes, context));
}

async function flush(context: CliContext): Promise<void> {
  const waitMs = Math.max(0, context.options().timeoutMs - ANSWER_MARGIN_MS);
  const agent = await runningAgent(context);
  const { answer, raw } = await agent.ask(bufferFlush, { waitMs });
  const { waiting } = answer;
  if (context.options().json) printJson(context, raw);
  else
    printLine(
      context,
      waiting === 0 ? "everything is delivered" : `${formatCounted(waiting, "record is", "records are")} still waiting`,
    );
  if (waiting === 0) return;
  context.finish(EXIT.temporary);
  const { answer: status } = await agent.ask(statusVerb, {});
  for (const problem of deliveryObstacles(status)) printProblem(context, problem);
  for (const held of heldBack(status)) note(context, held);
}

async function drop(stream: StreamName, isConfirmed: boolean, context: CliContext): Promise<void> {
  if (
    !isConfirmed &&
    !(await confirm(context, `Give up all stored records of ${stream}? They will not be delivered.`))
  ) {
    note(context, "nothing was dropped");
    context.finish(EXIT.nothingToDo);
    return;
  }
  const waitMs = Math.max(0, context.options().timeoutMs - ANSWER_MARGIN_MS);
  const { answer, raw } = await (await runningAgent(context)).ask(bufferDrop, { stream, waitMs });
  const { dropped, isWhole } = answer;
  if (context.options().json) printJson(context, raw);
  else
    printLine(
      context,
      `${formatCounted(dropped, "record")} of ${stream} dropped${isWhole ? "" : ", and more are left: run it again"}`,
    );
  if (!isWhole) context.finish(EXIT.temporary);
  else if (dropped === 0) context.finish(EXIT.nothingToDo);
}

async function showStats(context: CliContext): Promise<void> {
  const { answer: stats, raw } = await (await runningAgent(context)).ask(bufferStats, {});
  const { json, color } = context.options();
  if (json) {
    printJson(context, raw);
    return;
  }
  const colors = pico.createColors(color && context.terminal.stdout.isTerminal);
  const { stdout } = context.terminal;
  const columns = stdout.isTerminal ? stdout.columns() : undefined;
  for (const line of outboxLines(stats, context.clock.wallUs(), colors, columns)) printText(context, line, 11);
}

async function listRecords(
  { stream, limit }: { readonly stream?: StreamName; readonly limit: number },
  context: CliContext,
): Promise<void> {
  const agent = await runningAgent(context);
  const { answer: status } = await agent.ask(statusVerb, {});
  for (const problem of deliveryProblems(status)) printProblem(context, problem);
  for (const held of heldBack(status)) note(context, held);
  const { records } = (await agent.ask(bufferList, { stream, limit })).answer;
  if (context.options().json) {
    for (const record of records) printJson(context, { schemaVersion: 1, ...record });
    return;
  }
  if (records.length === 0) {
    note(context, "nothing is stored");
    return;
  }
  const { stdout } = context.terminal;
  const columns = stdout.isTerminal ? stdout.columns() : undefined;
  for (const line of recordTable(records, context.clock.wallUs(), columns)) printLine(context, line);
  if (records.length === limit) note(context, `the first ${limit}; --limit shows more`);
}

function recordTable(records: readonly ListedRecord[], wallUs: number, columns: number | undefined): readonly string[] {
  const rows = [
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
  ];
  return tableLines(rows, columns);
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LISTED) {
    throw new InvalidArgumentError(`Give a whole number from 1 to ${MAX_LISTED}.`);
  }
  return limit;
}
