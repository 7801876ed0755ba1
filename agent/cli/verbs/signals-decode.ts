import type { Command } from "commander";
import { printable } from "../../core/plain-text.ts";
import type { FrameTest } from "../../signals/log-formats/candump-filter.ts";
import { formatCandumpLog } from "../../signals/log-formats/candump-text.ts";
import type { LoggedFrame, LogPiece } from "../../signals/log-formats/log-entry.ts";
import { readLog } from "../../signals/log-formats/read-log.ts";
import { configuredDbc } from "../configured-dbc.ts";
import type { CliContext } from "../context.ts";
import { appended, DBC_DEFAULT_HELP, type DbcOptions, dbcOptions, openDatabases } from "../dbc-file.ts";
import { createFrameDecoder, type FrameDecoder } from "../decoded-frame.ts";
import { type FilterOptions, filterOption, wantedBy } from "../filter-option.ts";
import { readInput } from "../input-file.ts";
import { LogTally } from "../log-tally.ts";

/** `causeway signals decode`: works with the daemon down. */
export function registerDecode(signals: Command, context: CliContext): void {
  const decode = signals
    .command("decode [log]")
    .description(
      "a log (candump, Vector ASC or BLF, PEAK TRC; stdin without LOG, or with -) with the values of its signals; needs no running agent",
    )
    .option("--dbc <file>", DBC_DEFAULT_HELP, appended);
  for (const option of dbcOptions()) decode.addOption(option);
  decode.addOption(filterOption());
  decode
    .addHelpText(
      "after",
      "\nExample:\n  causeway signals decode --dbc vehicle.dbc drive.log\n  causeway signals decode --dbc can0=engine.dbc --dbc can1=body.dbc drive.log\n  candump -L can0 | causeway signals decode --json --dbc vehicle.dbc",
    )
    .action(async (log: string | undefined, options: Partial<DbcOptions> & FilterOptions) => {
      const dbc = options.dbc ?? (await configuredDbc(context));
      const decoder = createFrameDecoder(await openDatabases(context, { ...options, dbc }));
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
  const tally = new LogTally(context, name);
  for await (const piece of readLog(name, readInput(context, log))) {
    tally.note(piece);
    const shown = shownOf(context, decoder, piece, wants, tally);
    if (shown.length > 0) stdout.write(`${shown.join("\n")}\n`);
    await stdout.drained?.();
    if (context.signal.aborted) break;
  }
  tally.finish();
}

function shownOf(
  context: CliContext,
  decoder: FrameDecoder,
  piece: LogPiece,
  wants: FrameTest,
  tally: LogTally,
): readonly string[] {
  const { json } = context.options();
  const shown: string[] = [];
  for (const entry of piece.entries) {
    if (entry.kind === "malformed") tally.tell(entry, piece);
    else if (wants(entry.frame.id, entry.frame.flags)) {
      shown.push(json ? decoder.json(entry) : `${printable(lineOf(entry))} ${decoder.text(entry)}`);
    }
  }
  return shown;
}

/** The frame as its log has it; as candump would log it where that is no candump log. */
function lineOf({ line, bus, frame }: LoggedFrame): string {
  return line?.trimEnd() ?? formatCandumpLog(bus, frame);
}
