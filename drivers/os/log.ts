import { pino, symbols } from "pino";
import type { Log, LogFacts } from "../../agent/core/log.ts";

export type LogParts = {
  /** Lines below this level are not made. */
  readonly level: "error" | "warn" | "info" | "debug";
  /** Whether each line starts with its syslog priority, "<6>" (sd-daemon(3)): set when stdout is the journal (JOURNAL_STREAM, systemd.exec(5)). */
  readonly priorityPrefix: boolean;
  /** Takes one whole line, newline included; stdout, written at once, when absent. */
  readonly write?: (line: string) => void;
};

/** JSON lines on stdout: `time` (RFC 3339, UTC), `level`, `event`, then the facts. Each line is written before the call returns. */
export function createLog(parts: LogParts): Log {
  const stdout = parts.write === undefined ? pino.destination({ fd: 1, sync: true }) : undefined;
  const write = parts.write ?? ((line: string) => void stdout?.write(line));
  const stream = {
    [symbols.needsMetadataGsym]: true,
    lastLevel: 0,
    write(line: string): void {
      write(parts.priorityPrefix ? `<${syslogPriority(stream.lastLevel)}>${line}` : line);
    },
  };
  const logger = pino(
    {
      level: parts.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  );
  return {
    error: (event: string, facts?: LogFacts) => logger.error({ event, ...facts }),
    warn: (event: string, facts?: LogFacts) => logger.warn({ event, ...facts }),
    info: (event: string, facts?: LogFacts) => logger.info({ event, ...facts }),
    debug: (event: string, facts?: LogFacts) => logger.debug({ event, ...facts }),
  };
}

/** Pino's level numbers as syslog(3) priorities: err, warning, info, debug. */
function syslogPriority(pinoLevel: number): number {
  if (pinoLevel >= 50) return 3;
  if (pinoLevel >= 40) return 4;
  return pinoLevel >= 30 ? 6 : 7;
}
