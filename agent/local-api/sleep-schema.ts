import { z } from "zod";
import { verb } from "./verb.ts";

/** Sends the agent to sleep now; with `dryRun` nothing is done but to say what stands against it, and `hurry`, of a low supply, asks nobody. */
export const vehicleSleep = verb({
  name: "vehicle.sleep",
  socket: "admin",
  request: z.object({ dryRun: z.boolean().default(false), hurry: z.boolean().default(false) }),
  answer: z.object({
    schemaVersion: z.literal(1),
    /** For people. While anything is in it, nothing was done. */
    against: z.array(z.string()).readonly(),
    /** Absent where nothing was done. `left`: steps that had no time to end. */
    report: z
      .object({
        outcome: z.enum(["ready", "turned-back"]),
        tookMs: z.number().min(0),
        left: z.array(z.string()).readonly(),
      })
      .readonly()
      .optional(),
  }),
});
