import { z } from "zod";

const count = z.int().min(0);

const reportedShadow = z
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
  .readonly();
export type ReportedShadowStatus = z.infer<typeof reportedShadow>;

/** How the settings do that a shadow desires; `reason`, or what they wait for, is for people, and `digest` a SHA-256. */
const settings = z
  .object({
    state: z.enum(["unread", "none", "trying", "in-force", "refused", "taken-back", "replaced"]),
    reason: z.string(),
    digest: z.string(),
  })
  .readonly();
export type SettingsStatus = z.infer<typeof settings>;

/** The shadows that the agent keeps. Counts are since start. */
export const shadowsStatus = z
  .object({
    /** Absent where it keeps none of its state. */
    state: reportedShadow.optional(),
    /** Absent where it takes no settings from one. */
    config: z.object({ reported: reportedShadow, settings }).readonly().optional(),
  })
  .readonly();

export type ShadowsStatus = z.infer<typeof shadowsStatus>;
