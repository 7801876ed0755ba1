import { z } from "zod";
import { verb } from "./verb.ts";

const metric = z.object({
  name: z.string(),
  help: z.string(),
  unit: z.enum(["bytes", "seconds", "ratio", "metres"]).optional(),
  type: z.enum(["counter", "gauge", "stateset", "info", "histogram"]),
  labels: z.array(z.string()).readonly(),
  samples: z
    .array(
      z
        .object({
          labels: z.record(z.string(), z.string()),
          value: z.number(),
          of: z.enum(["bucket", "sum", "count"]).optional(),
        })
        .readonly(),
    )
    .readonly(),
});

/** Every metric of the agent with its numbers at this moment, by name. */
export const metricsVerb = verb({
  name: "metrics",
  socket: "view",
  request: z.object({}),
  answer: z.object({ schemaVersion: z.literal(1), metrics: z.array(metric).readonly() }),
});
