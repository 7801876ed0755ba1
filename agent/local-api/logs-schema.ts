import { z } from "zod";
import { verb } from "./verb.ts";

const mark = z.object({
  /** When this run of the agent began, ms of the monotonic clock. */
  startedAtMs: z.number(),
  /** Lines that it had logged since. */
  logged: z.int().min(0),
});

/** How far an answer went; the next one may begin there. */
export type LogMark = z.infer<typeof mark>;

/** A line that the agent keeps. */
export type RecentLine = z.infer<typeof recentLogs.answer>["lines"][number];

/** The last lines that the agent keeps in memory (support.logLines), without secrets; each member of the request leaves others out. */
export const recentLogs = verb({
  name: "logs.recent",
  socket: "view",
  request: z.object({
    /** ms since the Unix epoch. */
    sinceMs: z.number().exactOptional(),
    /** Mark of an earlier answer: what came later, whatever became of the clock. That of another run of the agent leaves nothing out. */
    after: mark.exactOptional(),
    /** This one, and what is more urgent. */
    level: z.enum(["error", "warn", "info"]).exactOptional(),
    code: z.string().max(100).exactOptional(),
    event: z.string().max(100).exactOptional(),
  }),
  answer: z.object({
    schemaVersion: z.literal(1),
    /** Oldest first. */
    lines: z
      .array(
        z.object({
          /** ms since the Unix epoch. */
          atMs: z.number(),
          level: z.enum(["error", "warn", "info"]),
          event: z.string(),
          facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
        }),
      )
      .readonly(),
    /** Older ones that did not fit the answer. */
    omitted: z.int(),
    mark,
  }),
});
