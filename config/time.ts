import { z } from "zod";

/** Who keeps the wall clock, and how well: what is known of that. The agent sets nothing. */
export const timeConfig = z.strictObject({
  sources: z
    .array(z.enum(["chrony", "timesyncd", "ntp", "ptp"]))
    .min(1)
    .max(4)
    .refine((names) => new Set(names).size === names.length, "must not name one twice")
    .default(["chrony", "timesyncd", "ntp", "ptp"])
    .describe(
      "programs that may keep the clock, the first that has the time is believed; one that does not run costs nothing",
    ),
  pollSeconds: z
    .int()
    .min(5)
    .max(3600)
    .default(30)
    .describe("how often they are asked; after a step of the clock at once"),
  driftPpm: z
    .number()
    .min(0.1)
    .max(1000)
    .default(50)
    .describe("what a clock that nobody keeps is taken to drift, parts per million: its estimated error grows by that"),
  maxChangesPerHour: z
    .int()
    .min(1)
    .max(3600)
    .default(30)
    .describe("records of changes of the clock; what is beyond is counted in the next one"),
});

export type TimeConfig = z.infer<typeof timeConfig>;
