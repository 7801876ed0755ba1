import { z } from "zod";
import { timeline } from "./timeline.ts";

/** How the agent's process of a day is started: JSON in its first argument. */
export const dayAgentSettings = z.strictObject({
  configFile: z.string(),
  /** Of the boot, as the kernel's: 32 hexadecimal digits. */
  bootId: z.string(),
  pulseFile: z.string(),
  timeline,
});

/** What it is told. */
export const dayAgentCommand = z.object({ kind: z.literal("timeline"), number: z.int(), timeline });

/** What it says: the timeline of that number holds. */
export const dayAgentReport = z.object({ kind: z.literal("follows"), number: z.int() });
