import type { Command } from "commander";
import { EXIT } from "../core/errors.ts";
import { parseCandump } from "../data/candump.ts";
import { logLines } from "../data/log-lines.ts";
import { type CliContext, note } from "./context.ts";
import { openDatabase } from "./dbc-file.ts";
import { createFrameDecoder, type FrameDecoder } from "./decoded-frame.ts";
import { readInput } from "./input-file.ts";
import { printable } from "./text.ts";

/** `causeway signals decode`: works with the daemon down. */
export function registerDecode(signals: Command, context: CliContext): void {
  signals
    .command("decode [log]")
    .description("a candump log (stdin without LOG, or with -) with the values of its signals; needs no running agent")
    .requiredOption("--dbc <file>", "a DBC file; may be given several times", append)
    .addHelpText(
      "after",
      "\nExample:\n  causeway signals decode --dbc vehicle.dbc drive.log\n  candump -L can0 | causeway signals decode --json --dbc vehicle.dbc",
    )
    .action(async (log: string | undefined, options: { readonly dbc: readonly string[] }) => {
      const sources = await Promise.all(
        options.dbc.map(async (file) => ({ file, database: await openDatabase(context, file) })),
      );
      await decodeLog(context, createFrameDecoder(sources), log);
    });
}

function append(value: string, earlier: readonly string[] | undefined): readonly string[] {
  return [...(earlier ?? []), value];
}

/** Decodes line by line; a bad line is told on stderr and the run goes on, ending with 65. */
async function decodeLog(context: CliContext, decoder: FrameDecoder, log: string | undefined): Promise<void> {
  const name = log === undefined || log === "-" ? "stdin" : log;
  const { json } = context.options();
  let lineNumber = 0;
  let badLines = 0;
  for await (const lines of logLines(name, readInput(context, log))) {
    const shown: string[] = [];
    for (const line of lines) {
      lineNumber += 1;
      const parsed = parseCandump(line);
      if (parsed.kind === "blank") continue;
      if (parsed.kind === "malformed") {
        badLines += 1;
        context.stderr.write(`${name}:${lineNumber}:${parsed.column} error: ${printable(parsed.problem)}\n`);
      } else if (json) shown.push(decoder.json(parsed));
      else shown.push(`${printable(line.trimEnd())} ${decoder.text(parsed.frame)}`);
    }
    if (shown.length > 0) context.stdout.write(`${shown.join("\n")}\n`);
    await context.stdout.drained?.();
    if (context.signal.aborted) break;
  }
  if (badLines > 0) {
    note(context, `${badLines} of ${lineNumber} lines could not be read`);
    context.finish(EXIT.badInput);
  }
  if (context.signal.aborted) context.finish(EXIT.interrupted);
}
