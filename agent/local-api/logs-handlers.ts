import type { z } from "zod";
import type { LogFacts } from "../core/log.ts";
import type { LogLine } from "../core/recent-log.ts";
import { recentLogs } from "./logs-schema.ts";
import type { ServedVerb } from "./verb.ts";

/** Of an answer, bytes of its lines. */
const MAX_ANSWER_BYTES = 1_048_576;

/** The wanted lines without secrets, the newest that fit `maxBytes`. */
export type RecentLines = (
  wanted: z.output<typeof recentLogs.request>,
  maxBytes: number,
) => { readonly lines: readonly LogLine[]; readonly omitted: number };

/** `logs.recent`. */
export function logsHandlers(recent: RecentLines): readonly ServedVerb[] {
  return [
    recentLogs.answeredBy((wanted) => {
      const { lines, omitted } = recent(wanted, MAX_ANSWER_BYTES);
      const shown = lines.map(({ facts, ...line }) => ({ ...line, facts: factsThere(facts) }));
      return { schemaVersion: 1, lines: shown, omitted };
    }),
  ];
}

function factsThere(facts: LogFacts): Record<string, string | number | boolean> {
  const there: Record<string, string | number | boolean> = {};
  for (const [name, value] of Object.entries(facts)) if (value !== undefined) there[name] = value;
  return there;
}
