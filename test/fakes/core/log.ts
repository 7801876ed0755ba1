import type { Log, LogFacts } from "../../../agent/core/log.ts";

/** One line as it was logged. */
export type LogEntry = {
  readonly level: "error" | "warn" | "info" | "debug";
  readonly event: string;
  readonly facts: LogFacts;
};

/** A log that remembers its lines. */
export class MemoryLog implements Log {
  readonly entries: LogEntry[] = [];

  error(event: string, facts: LogFacts = {}): void {
    this.entries.push({ level: "error", event, facts });
  }

  warn(event: string, facts: LogFacts = {}): void {
    this.entries.push({ level: "warn", event, facts });
  }

  info(event: string, facts: LogFacts = {}): void {
    this.entries.push({ level: "info", event, facts });
  }

  debug(event: string, facts: LogFacts = {}): void {
    this.entries.push({ level: "debug", event, facts });
  }

  /** Lines with this event, oldest first. */
  of(event: string): readonly LogEntry[] {
    return this.entries.filter((entry) => entry.event === event);
  }
}
