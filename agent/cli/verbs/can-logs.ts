import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { loadConfig } from "../../../config/load.ts";
import { EXIT, errnoOf } from "../../core/errors.ts";
import { formatBytes, formatCounted } from "../../core/quantity.ts";
import { readLog } from "../../signals/log-formats/read-log.ts";
import { byAge, type LogName, readLogName } from "../../telemetry/frame-log/log-names.ts";
import { type CliContext, note, printJson, printLine } from "../context.ts";
import { type FilterOptions, filterOption, wantedBy } from "../filter-option.ts";
import { readInput, unreadable } from "../input-file.ts";
import { alignColumns } from "../text.ts";

type ListedLog = { readonly file: string; readonly name: LogName; readonly bytes: number; readonly changedAt: string };
type LogsOptions = FilterOptions & { readonly session?: number };
/** A log with the frames in it that come through the filters; undefined without filters. */
type SearchedLog = ListedLog & { readonly frames: number | undefined };

/** `causeway can logs`: works with the daemon down. */
export function registerCanLogs(can: Command, context: CliContext): void {
  can
    .command("logs")
    .description("the files of the continuous log (frameLog of the configuration), oldest first")
    .option("--session <number>", "only those of one run of the agent", sessionNumber)
    .addOption(filterOption())
    .addHelpText(
      "after",
      "\nWith --filter the files are read, and those that have such frames are listed with how many.\nA time is that of the first frame in UTC, or - where the clock was not known. Copy the files as they are, or convert them.\n\n" +
        "Example:\n  causeway can logs\n  causeway can logs --filter 18FEF100:1FFFFFFF\n  causeway can convert /var/lib/causeway/frames/00012-*.log session12.blf",
    )
    .action(async (options: LogsOptions) => list(context, options));
}

async function list(context: CliContext, options: LogsOptions): Promise<void> {
  const { session } = options;
  const { frameLog } = await loadConfig(context.options().config);
  if (frameLog === undefined) {
    note(context, "there is no continuous log: the configuration has no section frameLog");
    return context.finish(EXIT.nothingToDo);
  }
  const kept = (await logsIn(frameLog.folder)).filter(({ name }) => session === undefined || name.session === session);
  const logs = await searched(context, kept, options);
  const bytes = logs.reduce((sum, log) => sum + log.bytes, 0);
  if (context.options().json) {
    for (const { file, name, bytes: size, changedAt, frames } of logs) {
      printJson(context, { schemaVersion: 1, file, ...name, bytes: size, changedAt, frames });
    }
    return;
  }
  if (logs.length > 0) printTable(context, logs);
  note(context, `${formatCounted(logs.length, "file")}, ${formatBytes(bytes)} of ${formatBytes(frameLog.maxBytes)}`);
}

function printTable(context: CliContext, logs: readonly SearchedLog[]): void {
  const counted = logs.some(({ frames }) => frames !== undefined);
  const rows = logs.map(({ file, name, bytes, changedAt, frames }) => [
    String(name.session),
    String(name.split),
    name.startedAt ?? "-",
    changedAt,
    formatBytes(bytes),
    ...(counted ? [String(frames)] : []),
    file,
  ]);
  const heads = ["session", "split", "from", "to", "size", ...(counted ? ["frames"] : []), "file"];
  for (const line of alignColumns([heads, ...rows])) printLine(context, line);
}

/** The logs that have frames which come through the filters; all of them, uncounted, without filters. What cannot be read in one is told. */
async function searched(
  context: CliContext,
  logs: readonly ListedLog[],
  options: FilterOptions,
): Promise<readonly SearchedLog[]> {
  if (options.filter === undefined) return logs.map((log) => ({ ...log, frames: undefined }));
  const wants = wantedBy(options);
  const found: SearchedLog[] = [];
  for (const log of logs) {
    let [frames, malformed] = [0, 0];
    for await (const { entries } of readLog(log.file, readInput(context, log.file))) {
      if (context.signal.aborted) break;
      for (const entry of entries) {
        if (entry.kind === "malformed") malformed += 1;
        else if (wants(entry.frame.id, entry.frame.flags)) frames += 1;
      }
    }
    if (malformed > 0) note(context, `${log.file}: ${malformed} places cannot be read`);
    if (frames > 0) found.push({ ...log, frames });
  }
  return found;
}

async function logsIn(folder: string): Promise<readonly ListedLog[]> {
  try {
    const found = await Promise.all((await readdir(folder)).map((file) => describeLog(join(folder, file), file)));
    return found.filter((log) => log !== undefined).toSorted((a, b) => byAge(a.name, b.name));
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT") return [];
    throw unreadable(folder, cause);
  }
}

/** Undefined for a file that is no log of ours. */
async function describeLog(file: string, base: string): Promise<ListedLog | undefined> {
  const name = readLogName(base);
  if (name === undefined) return undefined;
  const about = await stat(file).catch((error: unknown) => {
    // The agent has removed it meanwhile to stay within the bounds.
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  });
  if (about === undefined) return undefined;
  const { size, mtime } = about;
  return { file, name, bytes: size, changedAt: `${mtime.toISOString().slice(0, 19)}Z` };
}

function sessionNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError("Give the number of a session.");
  return Number(text);
}
