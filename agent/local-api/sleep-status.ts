import { z } from "zod";

const count = z.number().min(0);

/** How the vehicle sleeps and wakes. */
export const sleepStatus = z
  .object({
    phase: z.enum(["awake", "going", "asleep", "checking-in"]),
    /** Until it goes to sleep by itself as things are, ms; absent where it does not. */
    sleepsInMs: count.optional(),
    /** What it waits for before that, for people. */
    against: z.array(z.string()).readonly(),
    /** RFC 3339, UTC: of a vehicle that sleeps, or would go to sleep now; absent where none is planned. */
    nextCheckIn: z.string().optional(),
    /** Of today, UTC, by cause; `most` bounds the unplanned ones, absent without a bound. */
    wakes: z
      .object({ unplanned: count, most: count.optional(), counts: z.record(z.string(), count).readonly() })
      .readonly(),
    /** What the battery allows. */
    level: z.enum(["normal", "saving", "guarded"]),
    /** What standing has cost since the vehicle was driven last; the charge is an estimate by configured currents. */
    cost: z
      .object({
        parkedMs: count,
        awakeMs: count,
        asleepMs: count,
        checkIns: count,
        sentBytes: count,
        milliampHours: count.optional(),
      })
      .readonly(),
    /** Of a shoulder, since the start: those that counted, and those beyond their rate. */
    taps: z.object({ taken: count, refused: count }).readonly(),
    /** CAN interfaces that are not allowed to wake the suspended system; absent where it is not suspended, or none is. */
    cannotWake: z.array(z.string()).readonly().optional(),
    /** Why the system would sleep without waiting for the agent; absent where it waits. */
    fault: z.object({ code: z.string(), what: z.string(), remedy: z.string() }).readonly().optional(),
  })
  .readonly();

export type SleepStatus = z.infer<typeof sleepStatus>;
