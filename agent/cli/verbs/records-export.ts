import type { Command } from "commander";
import { EXIT } from "../../core/errors.ts";
import { formatCounted } from "../../core/quantity.ts";
import type { CanFrame } from "../../ports/frame.ts";
import { formatOfName, type WrittenFormat } from "../../signals/log-formats/write-log.ts";
import { type CliContext, note, printJson } from "../context.ts";
import { createLogOutput, formatArgument } from "../log-output.ts";
import { KEY_OPTION, payloadReader } from "../payload-reader.ts";
import { eachRecord, fileSources, stdinSource } from "../record-files.ts";

type ExportOptions = {
  readonly key?: string;
  readonly output: string;
  readonly format?: WrittenFormat;
  readonly capture?: string;
};
type Captured = { readonly bus: string; readonly frame: CanFrame };

/** `causeway records export`: the frames of captures as a log. */
export function registerExport(records: Command, context: CliContext): void {
  records
    .command("export")
    .description(
      "the frames in payload files of the capture stream as one log (candump, Vector ASC or BLF, PEAK TRC), in the order of their times",
    )
    .argument("[file...]", "payloads, or folders of them; stdin without a file; records without frames are passed over")
    .requiredOption("-o, --output <file>", "the log, whose name says its format: .asc, .blf, otherwise candump")
    .option("--format <format>", "candump, asc, blf or trc, whatever the name of the log is", formatArgument)
    .option("--capture <id>", "only the frames of this capture")
    .option(...KEY_OPTION)
    .addHelpText(
      "after",
      `
A payload holds frames of one bus; give those of all buses and parts of a capture together.

Examples:
  mosquitto_sub -N -C 1 -t 'dt/causeway/truck-0001/capture' ... > capture-1.bin
  causeway records export -o braking.blf capture-*.bin`,
    )
    .action((files: string[], options: ExportOptions) => exportFrames(context, files, options));
}

async function exportFrames(context: CliContext, files: readonly string[], options: ExportOptions): Promise<void> {
  const reader = await payloadReader(options.key);
  const sources = files.length === 0 ? [stdinSource(context)] : await fileSources(context, files);
  const captured: Captured[] = [];
  const captures = new Set<string>();
  const isWhole = await eachRecord(context, reader, sources, ({ body }) => {
    if (body.kind !== "frames") return;
    captures.add(body.capture);
    if (options.capture !== undefined && options.capture !== body.capture) return;
    for (const frame of body.frames) captured.push({ bus: body.bus, frame });
  });
  if (captured.length === 0) {
    const others = captures.size === 0 ? "" : `, only of ${[...captures].join(", ")}`;
    note(
      context,
      `no frames${options.capture === undefined ? "" : ` of ${options.capture}`} in what was given${others}`,
    );
    if (isWhole) context.finish(EXIT.nothingToDo);
    return;
  }
  // The sort is stable: frames of equal times keep the order of their records.
  captured.sort((a, b) => a.frame.receivedAtUs - b.frame.receivedAtUs);
  await using log = await createLogOutput(options.output, options.format ?? formatOfName(options.output));
  for (const { bus, frame } of captured) log.encoder.write(bus, frame);
  await log.finish();
  const buses = [...new Set(captured.map(({ bus }) => bus))];
  if (context.options().json)
    printJson(context, { schemaVersion: 1, file: options.output, frames: captured.length, buses });
  else note(context, `${formatCounted(captured.length, "frame")} of ${buses.join(", ")} in ${options.output}`);
}
