import { type Command, InvalidArgumentError, Option } from "commander";
import pico from "picocolors";
import { type JournalEnd, type JournalQuery, readJournal } from "../../../drivers/os/journal-reader.ts";
import { EXIT, FAULTS } from "../../core/errors.ts";
import { nearestWord } from "../../core/nearest-word.ts";
import { formatCounted } from "../../core/quantity.ts";
import { type CliContext, note, printJson, printLine } from "../context.ts";
import { logText, type ShownLine, shownEntry } from "../log-text.ts";
import { followLines, recentLines } from "../recent-lines.ts";

const UNIT = "causeway.service";
const DEFAULT_LINES = 50;
/** The priorities of syslog(3) that levels are logged with. */
const PRIORITIES = { error: 3, warn: 4, info: 6, debug: 7 } as const;
const UNITS_MS = { s: 1000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;

type LogsOptions = {
  readonly follow: boolean;
  readonly recent: boolean;
  readonly sinceMs?: number;
  readonly level?: keyof typeof PRIORITIES;
  readonly code?: string;
  readonly event?: string;
  readonly lines?: number;
};

/** `causeway logs`: the journal of the service; works with the daemon down. */
export function registerLogs(program: Command, context: CliContext): void {
  const since = (text: string): number => sinceMs(text, context.clock.wallUs() / 1000);
  program
    .command("logs")
    .description("what the agent logged, from the journal of its service")
    .option("-f, --follow", "go on with what comes", false)
    .option(
      "--since <when>",
      "not older: a time (2026-11-30T07:00:00Z, UTC without a zone), a length of time (30s, 10min, 2h, 3d), today, yesterday",
      since,
    )
    .addOption(
      new Option("--level <level>", "this level and what is more urgent").choices(["error", "warn", "info", "debug"]),
    )
    .option("--code <code>", "only faults with this code", faultCode)
    .option("--event <event>", "only this event")
    .option("-n, --lines <number>", `the newest so many (${DEFAULT_LINES}; with --since all)`, lineCount)
    .option("--recent", "ask the running agent for the lines that it keeps, without the journal", false)
    .addHelpText(
      "after",
      `
Times are UTC. On a terminal a line goes on in the next row; elsewhere it stays one line. Where there is no journal the running agent
is asked, as with --recent: it keeps support.logLines lines and no debug lines, and with -f is asked again each second. The journal is open to members of the groups
systemd-journal and adm. Ends with 2 when there is nothing to show.

Every event has its own MESSAGE_ID in the journal, and each fact is a field: journalctl CAUSEWAY_CODE=bus.unavailable, CAUSEWAY_BUS=can0.

Examples:
  causeway logs -f
  causeway logs -f --since 10min
  causeway logs --since 2h --level warn
  causeway logs --code broker.unreachable -n 5`,
    )
    .action(async ({ since: from, ...options }: Omit<LogsOptions, "sinceMs"> & { readonly since?: number }) =>
      show(context, from === undefined ? options : { ...options, sinceMs: from }),
    );
}

async function show(context: CliContext, options: LogsOptions): Promise<void> {
  const shown = options.recent ? await showRecent(context, options) : await showJournal(context, options);
  if (shown > 0 || options.follow) return;
  note(context, "there is nothing to show");
  context.finish(EXIT.nothingToDo);
}

/** How many lines it has shown. */
async function showJournal(context: CliContext, options: LogsOptions): Promise<number> {
  const { terminal, signal } = context;
  const entries = readJournal(queryOf(options), signal);
  const print = printer(context);
  let shown = 0;
  for (;;) {
    const next = await entries.next();
    if (next.done === true) return await ended(next.value, shown, context, options);
    const { cursor, ...entry } = next.value;
    print(shownEntry(entry), cursor);
    shown += 1;
    await terminal.stdout.drained?.();
  }
}

async function ended(end: JournalEnd, shown: number, context: CliContext, options: LogsOptions): Promise<number> {
  if (end.kind === "read") {
    if (end.unread > 0) note(context, `${formatCounted(end.unread, "entry", "entries")} could not be read`);
    return shown;
  }
  note(context, "there is no journal here: these are the lines that the running agent keeps");
  return await showRecent(context, options);
}

async function showRecent(context: CliContext, options: LogsOptions): Promise<number> {
  const { level, code, event, sinceMs: from } = options;
  const asked = {
    ...(level === undefined || level === "debug" ? {} : { level }),
    ...(code === undefined ? {} : { code }),
    ...(event === undefined ? {} : { event }),
  };
  const sinceThen = from === undefined ? {} : { sinceMs: from };
  const { lines: kept, omitted, mark } = await recentLines({ ...asked, ...sinceThen }, context);
  const wanted = linesWanted(options);
  const lines = wanted === undefined ? kept : kept.slice(-wanted);
  const print = printer(context);
  for (const line of lines) print(line);
  if (omitted > 0) note(context, `${formatCounted(omitted, "older line")} did not fit the answer`);
  if (options.follow) for await (const line of followLines(asked, mark, context)) print(line);
  return lines.length;
}

function queryOf(options: LogsOptions): JournalQuery {
  const { follow, sinceMs: from, level, code, event } = options;
  const fields = [
    ...(code === undefined ? [] : [`CAUSEWAY_CODE=${code}`]),
    ...(event === undefined ? [] : [`CAUSEWAY_EVENT=${event}`]),
  ];
  const priority = level === undefined ? undefined : PRIORITIES[level];
  return { matches: [`--unit=${UNIT}`, ...fields], sinceMs: from, priority, lines: linesWanted(options), follow };
}

function linesWanted({ lines, sinceMs: from }: LogsOptions): number | undefined {
  return lines ?? (from === undefined ? DEFAULT_LINES : undefined);
}

function printer(context: CliContext): (line: ShownLine, cursor?: string) => void {
  const { json, color } = context.options();
  const { stdout } = context.terminal;
  const colors = pico.createColors(color);
  return (line, cursor) => {
    const { atMs, ...rest } = line;
    if (json) printJson(context, { schemaVersion: 1, at: new Date(atMs).toISOString(), ...rest, cursor });
    else printLine(context, logText(line, stdout.isTerminal ? stdout.columns() : undefined, colors));
  };
}

/** ms since the Unix epoch. */
function sinceMs(text: string, nowMs: number): number {
  const length = /^-?(\d{1,9})(s|min|m|h|d|w)$/.exec(text);
  if (length !== null) {
    const [, count, unit] = length;
    const unitMs = Object.entries(UNITS_MS).find(([name]) => name === unit)?.[1] ?? 0;
    return Math.max(0, nowMs - Number(count) * unitMs);
  }
  const midnightMs = nowMs - (nowMs % UNITS_MS.d);
  if (text === "today") return midnightMs;
  if (text === "yesterday") return midnightMs - UNITS_MS.d;
  const time = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)(Z|[+-]\d\d:\d\d)?)?$/.exec(text);
  // Times are shown in UTC, and what was shown can be given.
  const [, day, clock = "00:00", zone = "Z"] = time ?? [];
  const atMs = time === null ? Number.NaN : Date.parse(`${day}T${clock}${zone}`);
  if (!(atMs >= 0))
    throw new InvalidArgumentError(
      "Give a time, such as 2026-11-30T07:00:00Z, or 30s, 10min, 2h, 3d, today, yesterday.",
    );
  return atMs;
}

function lineCount(text: string): number {
  const count = Number(text);
  if (!/^\d{1,7}$/.test(text) || count === 0) throw new InvalidArgumentError("Give a number of lines, 1 to 9999999.");
  return count;
}

function faultCode(text: string): string {
  if (Object.hasOwn(FAULTS, text)) return text;
  const near = nearestWord(text, Object.keys(FAULTS));
  throw new InvalidArgumentError(
    near === undefined ? "No fault has this code." : `No fault has this code. Is it ${near}?`,
  );
}
