import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { loadConfig } from "../../../config/load.ts";
import { AgentError, EXIT, errnoOf, messageOf } from "../../core/errors.ts";
import { formatBytes, formatCount } from "../../core/quantity.ts";
import { byAge, type LogName, readLogName } from "../../telemetry/frame-log/log-names.ts";
import { type CliContext, note, printJson, printLine } from "../context.ts";
import { alignColumns } from "../text.ts";

type ListedLog = { readonly file: string; readonly name: LogName; readonly bytes: number; readonly changedAt: string };

/** `causeway can logs`: works with the daemon down. */
export function registerCanLogs(can: Command, context: CliContext): void {
  can
    .command("logs")
    .description("the files of the continuous log (frameLog of the configuration), oldest first")
    .option("--session <number>", "only those of one run of the agent", sessionNumber)
    .addHelpText(
      "after",
      "\nA time is that of the first frame in UTC, or - where the clock was not known. Copy the files as they are, or convert them.\n\n" +
        "Example:\n  causeway can logs\n  causeway can convert /var/lib/causeway/frames/00012-*.log session12.blf",
    )
    .action(async ({ session }: { readonly session?: number }) => list(context, session));
}

async function list(context: CliContext, session: number | undefined): Promise<void> {
  const { frameLog } = await loadConfig(context.options().config);
  if (frameLog === undefined) {
    note(context, "there is no continuous log: the configuration has no section frameLog");
    return context.finish(EXIT.nothingToDo);
  }
  const logs = (await logsIn(frameLog.folder)).filter(({ name }) => session === undefined || name.session === session);
  const bytes = logs.reduce((sum, log) => sum + log.bytes, 0);
  if (context.options().json) {
    for (const { file, name, bytes: size, changedAt } of logs) {
      printJson(context, { schemaVersion: 1, file, ...name, bytes: size, changedAt });
    }
    return;
  }
  if (logs.length > 0) {
    const rows = logs.map(({ file, name, bytes: size, changedAt }) => [
      String(name.session),
      String(name.split),
      name.startedAt ?? "-",
      changedAt,
      formatBytes(size),
      file,
    ]);
    for (const line of alignColumns([["session", "split", "from", "to", "size", "file"], ...rows]))
      printLine(context, line);
  }
  note(context, `${formatCount(logs.length)} files, ${formatBytes(bytes)} of ${formatBytes(frameLog.maxBytes)}`);
}

async function logsIn(folder: string): Promise<readonly ListedLog[]> {
  try {
    const found = await Promise.all((await readdir(folder)).map((file) => describeLog(join(folder, file), file)));
    return found.filter((log) => log !== undefined).toSorted((a, b) => byAge(a.name, b.name));
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT") return [];
    throw new AgentError("input.missing", {
      what: `${folder} cannot be read: ${messageOf(cause)}`,
      remedy: "run it as the user of the agent, or as root",
      cause,
    });
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
