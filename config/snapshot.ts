import { z } from "zod";
import { signalPatterns } from "./campaign.ts";

/** When all last known values are sent at once, and of which signals. */
export const snapshotConfig = z.strictObject({
  on: z
    .array(z.enum(["reconnect", "sleep"]))
    .min(1)
    .max(2)
    .describe(
      "reconnect: each time the link to the broker is there; sleep: before the vehicle sleeps, or the agent stops in order",
    ),
  signals: signalPatterns.default("*").describe("they are decoded, whether something else wants them or not"),
  minIntervalSeconds: z
    .int()
    .min(1)
    .max(86_400)
    .default(60)
    .describe("least time between two at reconnects; one that would come sooner is left out and counted"),
  stream: z.enum(["event", "telemetry"]).default("telemetry").describe("class of its records"),
  form: z.enum(["columns", "rows", "json"]).default("columns").describe("as send.form of a campaign"),
});
export type SnapshotConfig = z.infer<typeof snapshotConfig>;
