import type { Log, LogFacts } from "../core/log.ts";

/** JSON lines: `time` (RFC 3339, UTC), `level`, `event`, then the facts. */
export function jsonLog(write: (line: string) => void, nowMs: () => number): Log {
  const at =
    (level: string) =>
    (event: string, facts: LogFacts = {}): void =>
      write(`${JSON.stringify({ time: new Date(nowMs()).toISOString(), level, event, ...facts })}\n`);
  return { error: at("error"), warn: at("warn"), info: at("info"), debug: () => undefined };
}
