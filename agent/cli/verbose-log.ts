import type { Log } from "../core/log.ts";
import type { CliContext } from "./context.ts";

/** Nothing, or with --verbose what a driver would log, on stderr. */
export function verboseLog(context: CliContext): Log {
  const line =
    (level: string) =>
    (event: string, facts: object = {}): void => {
      if (context.options().verbose) context.terminal.stderr.write(`${JSON.stringify({ level, event, ...facts })}\n`);
    };
  return { error: line("error"), warn: line("warn"), info: line("info"), debug: line("debug") };
}
