import { z } from "zod";
import type { LogLine } from "../../core/recent-log.ts";
import { redact } from "../redact.ts";

/** Levels of the log, the most urgent first. */
export const LOG_LEVELS = ["error", "warn", "info"] as const;

const factsSchema = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.undefined()]));

/** Which lines are wanted; what is absent does not count. */
export type LogFilter = {
  /** ms since the Unix epoch, both inclusive. */
  readonly sinceMs?: number | undefined;
  readonly untilMs?: number | undefined;
  /** This level and what is more urgent. */
  readonly level?: (typeof LOG_LEVELS)[number] | undefined;
  /** Of the fault table. */
  readonly code?: string | undefined;
  readonly event?: string | undefined;
};

/** Some lines of the log, oldest first. */
export type LogSlice = {
  readonly lines: readonly LogLine[];
  /** Older ones that were wanted and did not fit. */
  readonly omitted: number;
};

/** The wanted lines without their secrets, the newest that have at most `maxBytes` as lines of JSON. */
export function sliceLog(kept: readonly LogLine[], filter: LogFilter, maxBytes: number): LogSlice {
  const wanted = kept.filter((line) => isWanted(line, filter));
  const lines: LogLine[] = [];
  let left = maxBytes;
  for (const line of wanted.toReversed()) {
    const clean = withoutSecrets(line);
    left -= Buffer.byteLength(JSON.stringify(clean)) + 1;
    if (left < 0) break;
    lines.unshift(clean);
  }
  return { lines, omitted: wanted.length - lines.length };
}

function isWanted({ atMs, level, event, facts }: LogLine, filter: LogFilter): boolean {
  const { sinceMs = Number.NEGATIVE_INFINITY, untilMs = Number.POSITIVE_INFINITY } = filter;
  if (atMs < sinceMs || atMs > untilMs) return false;
  if (filter.level !== undefined && LOG_LEVELS.indexOf(level) > LOG_LEVELS.indexOf(filter.level)) return false;
  if (filter.event !== undefined && event !== filter.event) return false;
  return filter.code === undefined || facts.code === filter.code;
}

/** By the rules of a support bundle. */
function withoutSecrets({ facts, ...line }: LogLine): LogLine {
  return { ...line, facts: factsSchema.parse(redact(facts)) };
}
