import { z } from "zod";
import { timeline } from "./timeline.ts";

/** What the van's process is told: which day, first, and then each change of its time. */
export const vanCommand = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("day"), day: z.string(), pulseFile: z.string(), timeline }),
  z.object({ kind: z.literal("timeline"), timeline }),
  z.object({ kind: z.literal("stop") }),
]);

/** What it says. Times are vehicle time, ms since the day's start. */
export const vanReport = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("ready"), busPort: z.int(), receiverPort: z.int() }),
  /** A frame that the agent sent. */
  z.object({ kind: z.literal("sent"), id: z.int(), atMs: z.number() }),
  /** A frame of the agent made the doors change: from locked to unlocked, or back. */
  z.object({ kind: z.literal("doors"), isLocked: z.boolean(), atMs: z.number() }),
  /** Each second of this machine. `behindMs` is the most, of vehicle time, that a frame went out late since the last report. */
  z.object({ kind: z.literal("counts"), frames: z.int(), dropped: z.int(), fixes: z.int(), behindMs: z.number() }),
  z.object({ kind: z.literal("stopped"), frames: z.int(), dropped: z.int(), fixes: z.int() }),
  z.object({ kind: z.literal("failed"), what: z.string() }),
]);
export type VanReport = z.infer<typeof vanReport>;
