import type { Command } from "commander";
import { AgentError, EXIT } from "../../core/errors.ts";
import { printable } from "../../core/plain-text.ts";
import { formatCounted } from "../../core/quantity.ts";
import { placeOf } from "../../signals/log-formats/log-entry.ts";
import { readLog } from "../../signals/log-formats/read-log.ts";
import { formatOfName, type WrittenFormat } from "../../signals/log-formats/write-log.ts";
import { type CliContext, note, printJson } from "../context.ts";
import { type FilterOptions, filterOption, wantedBy } from "../filter-option.ts";
import { readInput } from "../input-file.ts";
import { createLogOutput, formatArgument, type LogOutput } from "../log-output.ts";

/** Bytes that are written at once. */
const PIECE_BYTES = 1_048_576;

type ConvertOptions = FilterOptions & { readonly format?: WrittenFormat; readonly from?: string };
type Tally = { frames: number; malformed: number; untimed: number };

/** `causeway can convert`: works with the daemon down. */
export function registerCanConvert(can: Command, context: CliContext): void {
  can
    .command("convert")
    .description("make one log of logs (candump, Vector ASC or BLF, PEAK TRC; - reads stdin), one behind the other")
    .argument(
      "<files...>",
      "the logs, then the new one, whose name says its format: .asc, .blf, .trc, otherwise candump",
    )
    .option("--format <format>", "candump, asc, blf or trc, whatever the name of the new log is", formatArgument)
    .option("--from <interface>", "only frames of this interface in the logs")
    .addOption(filterOption())
    .addHelpText(
      "after",
      "\nWhat cannot be read is told and left out. Directions (Rx, Tx) are kept. ASC has no class of error frames, TRC their type\nalone; the times of ASC, BLF and TRC are UTC.\n\n" +
        "Example:\n  causeway can convert drive.blf drive.log\n  causeway can convert 00012-*.log drive.asc\n  causeway can convert --filter 18FEF100:1FFFFFFF drive.asc engine.log",
    )
    .action(async (files: readonly string[], options: ConvertOptions) => convert(context, files, options));
}

async function convert(context: CliContext, files: readonly string[], options: ConvertOptions): Promise<void> {
  const inputs = files.slice(0, -1);
  const path = files.at(-1) ?? "";
  if (inputs.length === 0) {
    throw new AgentError("usage.invalid", {
      what: "only one file is named",
      remedy: "name the logs to read, then the one to write: causeway can convert drive.blf drive.log",
    });
  }
  await using log = await createLogOutput(path, options.format ?? formatOfName(path));
  const tally: Tally = { frames: 0, malformed: 0, untimed: 0 };
  for (const input of inputs) if (!context.signal.aborted) await addLog(context, input, options, log, tally);
  await log.finish();
  report(context, path, log.encoder.moved, tally);
}

async function addLog(
  context: CliContext,
  input: string,
  options: ConvertOptions,
  log: LogOutput,
  tally: Tally,
): Promise<void> {
  const name = input === "-" ? "stdin" : input;
  const { from } = options;
  const wants = wantedBy(options);
  for await (const { format, entries } of readLog(name, readInput(context, input))) {
    for (const entry of entries) {
      if (entry.kind === "malformed") {
        tally.malformed += 1;
        const place = placeOf(name, format, entry.at, entry.column);
        context.terminal.stderr.write(`${place} error: ${printable(entry.problem)}\n`);
      } else if (!entry.timed) tally.untimed += 1;
      else if ((from === undefined || entry.bus === from) && wants(entry.frame.id, entry.frame.flags)) {
        log.encoder.write(entry.bus, entry.frame, entry.sent);
        tally.frames += 1;
      }
    }
    if (log.encoder.waitingBytes > PIECE_BYTES) await log.write(log.encoder.take());
    if (context.signal.aborted) return context.finish(EXIT.interrupted);
  }
}

function report(context: CliContext, path: string, moved: number, tally: Tally): void {
  if (context.options().json) printJson(context, { schemaVersion: 1, file: path, ...tally, moved });
  else note(context, `${formatCounted(tally.frames, "frame")} in ${path}`);
  if (moved > 0) note(context, `${formatCounted(moved, "frame")} from before the start of the log got its time`);
  if (tally.untimed > 0) note(context, `${formatCounted(tally.untimed, "frame")} without a time left out`);
  if (tally.malformed + tally.untimed > 0 && !context.signal.aborted) context.finish(EXIT.badInput);
}
