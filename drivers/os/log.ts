import { pino, symbols } from "pino";
import type { Log, LogFacts } from "../../agent/core/log.ts";
import type { JournalLine, JournalOutcome } from "./journal-entry.ts";

export type LogParts = {
  /** Lines below this level are not made. */
  readonly level: "error" | "warn" | "info" | "debug";
  /** Whether each line starts with its syslog priority, "<6>" (sd-daemon(3)): set when stdout is the journal (JOURNAL_STREAM, systemd.exec(5)). */
  readonly priorityPrefix: boolean;
  /** Asked first for each line; what it does not take is written as without it. */
  readonly journal?: (line: JournalLine) => JournalOutcome;
  /** Takes one whole line, newline included; stdout, written at once, when absent. */
  readonly write?: (line: string) => void;
};

/** JSON lines on stdout: `time` (RFC 3339, UTC), `level`, `event`, then the facts. Each line is written before the call returns. */
export function createLog(parts: LogParts): Log {
  const { journal, priorityPrefix } = parts;
  const stdout = parts.write === undefined ? pino.destination({ fd: 1, sync: true }) : undefined;
  const write = parts.write ?? ((line: string) => void stdout?.write(line));
  let told: { readonly event: string; readonly facts: LogFacts } = { event: "", facts: {} };
  let isRefused = false;
  const stream = {
    [symbols.needsMetadataGsym]: true,
    lastLevel: 0,
    write(line: string): void {
      const priority = syslogPriority(stream.lastLevel);
      const outcome = journal?.({ priority, ...told, text: line.trimEnd() });
      if (outcome === "taken") {
        isRefused = false;
        return;
      }
      write(priorityPrefix ? `<${priority}>${line}` : line);
      if (outcome === undefined || outcome === "busy" || isRefused) return;
      isRefused = true;
      at("warn")("log.journal-refused", outcome);
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
  const at =
    (level: LogParts["level"]) =>
    (event: string, facts: LogFacts = {}): void => {
      told = { event, facts };
      logger[level]({ event, ...facts });
    };
  return { error: at("error"), warn: at("warn"), info: at("info"), debug: at("debug") };
}

/** Pino's level numbers as syslog(3) priorities: err, warning, info, debug. */
function syslogPriority(pinoLevel: number): number {
  if (pinoLevel >= 50) return 3;
  if (pinoLevel >= 40) return 4;
  return pinoLevel >= 30 ? 6 : 7;
}
