import { z } from "zod";

const name = z.string().min(1).max(128);

/** What AWS IoT Device Defender gets to know of the network and the agent. */
export const defenderConfig = z.strictObject({
  intervalSeconds: z
    .int()
    .min(300)
    .max(86_400)
    .default(3600)
    .describe(
      "between two reports; the service takes one in 300 s, and a behaviour that looks at less needs more often",
    ),
  format: z.enum(["json", "cbor"]).default("cbor").describe("of reports"),
  names: z.enum(["short", "long"]).default("short").describe("of fields; the service takes both"),
  maxListed: z
    .int()
    .min(0)
    .max(500)
    .default(50)
    .describe("connections and ports that a report lists, of each kind; it counts all of them"),
  interfaces: z
    .array(name)
    .min(1)
    .max(32)
    .optional()
    .describe("network interfaces whose bytes and packets count; absent: all but the loopback interface and CAN"),
  custom: z
    .array(name.regex(/^[a-z0-9_*]+$/, "must be the name of a metric, where * stands for any characters"))
    .max(100)
    .default([])
    .describe(
      "metrics of the agent that are sent as custom metrics, by name; what counts is sent as the difference to the report before",
    ),
});

export type DefenderConfig = z.infer<typeof defenderConfig>;
