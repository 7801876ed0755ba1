import { z } from "zod";
import { CLOCK_QUALITIES } from "../core/clock.ts";
import { CLOCK_SOURCES } from "../vehicle/time/clock-facts.ts";

/** What the wall clock is worth, and by whom. Counts are since start. */
export const timeStatus = z
  .object({
    quality: z.enum(CLOCK_QUALITIES),
    source: z.enum(CLOCK_SOURCES),
    /** How far the clock is from the true time, an estimate; absent where nobody knows. */
    errorMs: z.number().min(0).optional(),
    /** Server, receiver, or what is missing. */
    detail: z.string(),
    /** Records of changes, and changes that were not told as there were too many. */
    changes: z.number().min(0),
    untold: z.number().min(0),
  })
  .readonly();

export type TimeStatus = z.infer<typeof timeStatus>;
