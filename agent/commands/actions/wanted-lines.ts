import { z } from "zod";
import type { LogLine } from "../../core/recent-log.ts";

const time = z.iso.datetime({ offset: true });

/** The arguments of an order that say which lines of the log it wants; what is absent does not count. */
export const wantedLinesSchema = z.strictObject({
  since: time.optional(),
  until: time.optional(),
  level: z.enum(["error", "warn", "info"]).optional(),
  code: z.string().max(100).optional(),
});

/** Which lines of the log an order wants. */
export type WantedLines = {
  /** ms since the Unix epoch, both inclusive. */
  readonly sinceMs: number | undefined;
  readonly untilMs: number | undefined;
  /** This one, and what is more urgent. */
  readonly level: LogLine["level"] | undefined;
  readonly code: string | undefined;
};

/** The lines that the arguments want; why they want none, for people. */
export function linesOf({ since, until, level, code }: z.infer<typeof wantedLinesSchema>): WantedLines | string {
  const [sinceMs, untilMs] = [since, until].map((text) => (text === undefined ? undefined : Date.parse(text)));
  if (sinceMs !== undefined && untilMs !== undefined && sinceMs > untilMs) return "since is after until";
  return { sinceMs, untilMs, level, code };
}
