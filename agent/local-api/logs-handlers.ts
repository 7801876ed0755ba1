import type { z } from "zod";
import type { LogFacts } from "../core/log.ts";
import type { LogLine } from "../core/recent-log.ts";
import { recentLogs } from "./logs-schema.ts";
import type { ServedVerb } from "./verb.ts";

/** Of an answer, bytes of its lines. */
const MAX_ANSWER_BYTES = 1_048_576;

/** What `logs.recent` looks at. */
export type LogsHandlerParts = {
  /** When this run of the agent began, ms of the monotonic clock. */
  readonly startedAtMs: number;
  /** Lines since then. */
  readonly logged: () => number;
  /** The wanted lines that came after the first `after`, without secrets, the newest that fit `maxBytes`. */
  readonly slice: (
    wanted: Omit<z.output<typeof recentLogs.request>, "after">,
    maxBytes: number,
    after: number,
  ) => { readonly lines: readonly LogLine[]; readonly omitted: number };
};

/** `logs.recent`. */
export function logsHandlers({ startedAtMs, logged, slice }: LogsHandlerParts): readonly ServedVerb[] {
  return [
    recentLogs.answeredBy(({ after, ...wanted }) => {
      const from = after?.startedAtMs === startedAtMs ? after.logged : 0;
      const { lines, omitted } = slice(wanted, MAX_ANSWER_BYTES, from);
      const shown = lines.map(({ facts, ...line }) => ({ ...line, facts: factsThere(facts) }));
      return { schemaVersion: 1, lines: shown, omitted, mark: { startedAtMs, logged: logged() } };
    }),
  ];
}

function factsThere(facts: LogFacts): Record<string, string | number | boolean> {
  const there: Record<string, string | number | boolean> = {};
  for (const [name, value] of Object.entries(facts)) if (value !== undefined) there[name] = value;
  return there;
}
