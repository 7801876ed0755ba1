import { z } from "zod";
import { SECURITY_EVENTS } from "../telemetry/record/encode/security-event.ts";

/** What happened that says who tries what. Counts are since start. */
export const securityStatus = z
  .object({
    /** All that happened, by event and reason, in the order in which they happened first. */
    occurrences: z
      .array(z.object({ event: z.enum(SECURITY_EVENTS), reason: z.string().max(40), count: z.int().min(0) }).readonly())
      .max(100)
      .readonly(),
    /** Records of it, and what no record counts, as there were too many kinds. */
    told: z.int().min(0),
    untold: z.int().min(0),
  })
  .readonly();

export type SecurityStatus = z.infer<typeof securityStatus>;
