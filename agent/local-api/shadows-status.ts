import { z } from "zod";

const count = z.int().min(0);

/** The shadows that the agent keeps. Counts are since start. */
export const shadowsStatus = z
  .object({
    /** Absent where it keeps none of its state. */
    state: z
      .object({
        name: z.string(),
        /** "unread": not known yet. "behind": something is to be told. "refused": nothing can be told now, `what` says why. */
        state: z.enum(["unread", "in-step", "behind", "refused"]),
        /** Of the last request that failed, for people; empty where none did since. */
        what: z.string(),
        updates: count,
        updatesToday: count,
        reads: count,
        conflicts: count,
        failures: count,
        /** Parts for which the shadow has no room. */
        omitted: z.array(z.string()).readonly(),
      })
      .readonly()
      .optional(),
  })
  .readonly();

export type ShadowsStatus = z.infer<typeof shadowsStatus>;
