import { z } from "zod";
import { timeOfDay } from "./fields.ts";

/** Time zones are those that the runtime knows. */
const timeZone = z.string().min(1).max(64).refine(isTimeZone, "must be a time zone as Europe/Berlin or UTC");

/** What a sleeping vehicle wakes for. */
export const powerWake = z.strictObject({
  checkIns: z
    .strictObject({
      everyHours: z.number().min(0.25).max(8760).describe("between two check-ins, from when it went to sleep"),
      window: z
        .strictObject({ from: timeOfDay, to: timeOfDay, timeZone: timeZone.default("UTC") })
        .optional()
        .describe("time of day for them; past midnight when to is before from"),
      maxMinutes: z
        .number()
        .min(0.5)
        .max(1440)
        .default(10)
        .describe("longest check-in; it ends when all is delivered, minAwakeSeconds at the soonest"),
    })
    .optional()
    .describe("planned wakes that deliver what waits and take commands; none without this section"),
  modem: z
    .boolean()
    .default(false)
    .describe("an SMS that ModemManager has received makes a sleeping vehicle check in; its text is not read"),
  program: z
    .string()
    .max(4096)
    .regex(/^\//, "must be an absolute path")
    .optional()
    .describe("a program, run without arguments: each line that it writes makes a sleeping vehicle check in"),
  wakesPerDay: z
    .int()
    .min(1)
    .max(10_000)
    .optional()
    .describe("beyond it only the alarm and the ignition bring the agent up; no bound when absent"),
});
export type PowerWakeConfig = z.infer<typeof powerWake>;

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}
