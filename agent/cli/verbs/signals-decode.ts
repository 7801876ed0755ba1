import type { Command } from "commander";
import { EXIT } from "../../core/errors.ts";
import { printable } from "../../core/plain-text.ts";
import type { FrameTest } from "../../signals/log-formats/candump-filter.ts";
import { formatCandumpLog } from "../../signals/log-formats/candump-text.ts";
import { type LoggedFrame, type LogPiece, placeOf } from "../../signals/log-formats/log-entry.ts";
import { readLog } from "../../signals/log-formats/read-log.ts";
import { type CliContext, note } from "../context.ts";
import { appended, DBC_HELP, type DbcOptions, dbcOptions, openDatabases } from "../dbc-file.ts";
import { createFrameDecoder, type FrameDecoder } from "../decoded-frame.ts";
import { type FilterOptions, filterOption, wantedBy } from "../filter-option.ts";
import { readInput } from "../input-file.ts";

/** `causeway signals decode`: works with the daemon down. */
export function registerDecode(signals: Command, context: CliContext): void {
  const decode = signals
    .command("decode [log]")
    .description(
      "a log (candump, Vector ASC or BLF, PEAK TRC; stdin without LOG, or with -) with the values of its signals; needs no running agent",
    )
    .requiredOption("--dbc <file>", DBC_HELP, appended);
  for (const option of dbcOptions()) decode.addOption(option);
  decode.addOption(filterOption());
  decode
    .addHelpText(
      "after",
      "\nExample:\n  causeway signals decode --dbc vehicle.dbc drive.log\n  causeway signals decode --dbc can0=engine.dbc --dbc can1=body.dbc drive.log\n  candump -L can0 | causeway signals decode --json --dbc vehicle.dbc",
    )
    .action(async (log: string | undefined, options: DbcOptions & FilterOptions) => {
      const decoder = createFrameDecoder(await openDatabases(context, options));
      await decodeLog(context, decoder, log, wantedBy(options));
    });
}

/** Decodes frame by frame; what makes no sense is told on stderr and the run goes on, ending with 65. */
async function decodeLog(
  context: CliContext,
  decoder: FrameDecoder,
  log: string | undefined,
  wants: FrameTest,
): Promise<void> {
  const name = log === undefined || log === "-" ? "stdin" : log;
  const { stdout } = context.terminal;
  const tally: Tally = { looked: 0, bad: 0, isBinary: false };
  for await (const piece of readLog(name, readInput(context, log))) {
    tally.looked = piece.looked;
    tally.isBinary = piece.format === "blf";
    const wanted = piece.entries.filter(
      (entry) => entry.kind === "malformed" || wants(entry.frame.id, entry.frame.flags),
    );
    const shown = shownOf(context, decoder, name, { ...piece, entries: wanted }, tally);
    if (shown.length > 0) stdout.write(`${shown.join("\n")}\n`);
    await stdout.drained?.();
    if (context.signal.aborted) break;
  }
  report(context, tally);
}

/** Lines (objects) of a log so far, and those among them that make no sense. */
type Tally = { looked: number; bad: number; isBinary: boolean };

function report(context: CliContext, { looked, bad, isBinary }: Tally): void {
  if (bad > 0) {
    note(context, `${bad} of ${looked} ${isBinary ? "objects" : "lines"} could not be read`);
    context.finish(EXIT.badInput);
  }
  if (context.signal.aborted) context.finish(EXIT.interrupted);
}

function shownOf(
  context: CliContext,
  decoder: FrameDecoder,
  name: string,
  { entries, format }: LogPiece,
  tally: Tally,
): readonly string[] {
  const { json } = context.options();
  const shown: string[] = [];
  for (const entry of entries) {
    if (entry.kind === "frame") {
      shown.push(json ? decoder.json(entry) : `${printable(lineOf(entry))} ${decoder.text(entry)}`);
      continue;
    }
    tally.bad += 1;
    const place = placeOf(name, format, entry.at, entry.column);
    context.terminal.stderr.write(`${place} error: ${printable(entry.problem)}\n`);
  }
  return shown;
}

/** The frame as its log has it; as candump would log it where that is no candump log. */
function lineOf({ line, bus, frame }: LoggedFrame): string {
  return line?.trimEnd() ?? formatCandumpLog(bus, frame);
}
