/** Facts of one log line: numbers carry their unit in the name. Never a payload, key, PIN, VIN or position. */
export type LogFacts = Readonly<Record<string, string | number | boolean | undefined>>;

/**
 * Structured log, one JSON object a line. `event` is dotted and past tense ("outbox.evicted").
 *
 * error = a person must act; warn = service is degraded; info = a state changed; debug = the rest.
 */
export interface Log {
  error(event: string, facts?: LogFacts): void;
  warn(event: string, facts?: LogFacts): void;
  info(event: string, facts?: LogFacts): void;
  debug(event: string, facts?: LogFacts): void;
}
