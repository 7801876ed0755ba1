import { z } from "zod";
import type { LogFacts } from "../core/log.ts";
import { printable } from "../core/plain-text.ts";
import type { Colors } from "./status-lines/reading.ts";

const LEVELS = ["error", "warn", "info", "debug"] as const;
/** Before what goes on in the next row. */
const INDENT = "    ";

/** One line of the log as people read it. */
export type ShownLine = {
  /** ms since the Unix epoch. */
  readonly atMs: number;
  readonly level: (typeof LEVELS)[number];
  /** What happened; of what is no event of the agent, such as a word of the service manager, the text. */
  readonly event?: string;
  readonly text?: string;
  readonly facts: LogFacts;
};

const eventLine = z
  .object({ event: z.string(), level: z.enum(LEVELS), time: z.unknown() })
  .catchall(z.union([z.string(), z.number(), z.boolean(), z.undefined()]).catch(undefined));

/** An entry of the journal: an event with its facts where its message is a line of the log. `priority` is one of syslog(3). */
export function shownEntry(entry: {
  readonly atMs: number;
  readonly priority: number;
  readonly message: string;
}): ShownLine {
  const { atMs, priority, message } = entry;
  const parsed = eventLine.safeParse(jsonOf(message));
  if (parsed.success) {
    const { event, level, time: _, ...facts } = parsed.data;
    return { atMs, level, event, facts };
  }
  return { atMs, level: levelOf(priority), text: message, facts: {} };
}

/** The level that a priority of syslog(3) stands for. */
function levelOf(priority: number): ShownLine["level"] {
  if (priority <= 3) return "error";
  if (priority === 4) return "warn";
  return priority <= 6 ? "info" : "debug";
}

function jsonOf(text: string): unknown {
  if (!text.startsWith("{")) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    // A message that was cut, or of somebody else: shown as it is.
    return undefined;
  }
}

/** A line in UTC, "2026-11-30 07:05:11.123Z warn outbox.evicted records=7", in rows of `columns` where that is given. Nothing in it steers a terminal. */
export function logText(
  { atMs, level, event, text, facts }: ShownLine,
  columns: number | undefined,
  colors: Colors,
): string {
  const time = new Date(atMs).toISOString().replace("T", " ");
  const words = [event ?? text ?? ""].flatMap((one) => printable(one).split(" "));
  for (const [name, value] of Object.entries(facts)) {
    if (value !== undefined) words.push(...printable(`${name}=${factText(value)}`).split(" "));
  }
  const rows = rowsOf([...`${time} ${level.padEnd(5)}`.split(" "), ...words], columns);
  const paint = { error: colors.red, warn: colors.yellow, info: (row: string) => row, debug: colors.dim }[level];
  return rows.map(paint).join("\n");
}

function factText(value: string | number | boolean): string {
  return typeof value === "string" && /[\s"=]|^$/.test(value) ? JSON.stringify(value) : String(value);
}

/** Words in rows of at most `columns`, but for a word that is longer. */
function rowsOf(words: readonly string[], columns = Number.POSITIVE_INFINITY): readonly string[] {
  const rows: string[] = [];
  let row: string | undefined;
  for (const word of words) {
    const longer: string = row === undefined ? word : `${row} ${word}`;
    if (row !== undefined && longer.length > columns) {
      rows.push(row.trimEnd());
      row = `${INDENT}${word}`;
    } else row = longer;
  }
  return row === undefined ? rows : [...rows, row.trimEnd()];
}
