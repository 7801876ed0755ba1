import type { Clock } from "./clock.ts";
import type { Log, LogFacts } from "./log.ts";

/** One line of the log, kept. */
export type LogLine = {
  /** ms since the Unix epoch. */
  readonly atMs: number;
  readonly level: "error" | "warn" | "info";
  readonly event: string;
  readonly facts: LogFacts;
};

/** A log that also keeps its last lines in memory. */
export type RecentLog = {
  readonly log: Log;
  /** Those of the kept lines that came after so many (all when absent), oldest first. */
  readonly recent: (after?: number) => readonly LogLine[];
  /** Lines since the start, kept or not. */
  readonly logged: () => number;
};

/** Keeps the last `maxLines` of what goes to `log`, whatever its own level, but for debug lines. */
export function keepRecent(log: Log, clock: Clock, maxLines: number): RecentLog {
  const lines: LogLine[] = [];
  let logged = 0;
  const keep = (level: LogLine["level"], event: string, facts: LogFacts = {}): void => {
    lines.push({ atMs: clock.wallUs() / 1000, level, event, facts });
    if (lines.length > maxLines) lines.shift();
    logged += 1;
    log[level](event, facts);
  };
  return {
    log: {
      error: (event, facts) => keep("error", event, facts),
      warn: (event, facts) => keep("warn", event, facts),
      info: (event, facts) => keep("info", event, facts),
      debug: (event, facts) => log.debug(event, facts),
    },
    recent: (after = 0) => lines.slice(Math.max(0, after - (logged - lines.length))),
    logged: () => logged,
  };
}
