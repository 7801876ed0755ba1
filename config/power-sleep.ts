import { z } from "zod";
import { busName } from "./fields.ts";

/** How the agent goes to sleep with the vehicle. */
export const powerSleep = z.strictObject({
  afterSeconds: z
    .int()
    .min(0)
    .max(86_400)
    .default(30)
    .describe("asleep-soon lasts so long before the agent goes to sleep by itself"),
  budgetMs: z
    .int()
    .min(500)
    .max(120_000)
    .default(15_000)
    .describe("longest time on the way to sleep; what is not delivered by then stays in the outbox"),
  hurryMs: z.int().min(200).max(30_000).default(1500).describe("the same after a power button or a low supply"),
  manager: z
    .enum(["logind", "none"])
    .default("logind")
    .describe("who tells that the system suspends or goes down, and waits for the agent; none: nobody does"),
  suspend: z
    .boolean()
    .default(false)
    .describe("asks the system to suspend once it is ready; false leaves that to whoever manages the vehicle's power"),
  minAwakeSeconds: z
    .int()
    .min(5)
    .max(3600)
    .default(30)
    .describe("least time awake after a wake, so that a burst of wakes is no loop"),
  quietBusSeconds: z
    .int()
    .min(1)
    .max(3600)
    .default(5)
    .describe("a bus without a frame for so long is quiet: nothing is sent on it"),
  wakesBuses: z
    .array(busName)
    .max(32)
    .default([])
    .describe("buses on which a command may send a frame though they are quiet, and so wake control units"),
});
export type PowerSleepConfig = z.infer<typeof powerSleep>;
