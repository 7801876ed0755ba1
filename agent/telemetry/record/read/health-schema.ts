import { z } from "zod";
import { count, integer } from "./wire-fields.ts";

/** How the agent does. */
export const health = z.object({
  start_us: integer,
  number: count,
  period_ms: count,
  samples: z.array(
    z.object({
      name: z.string(),
      labels: z.record(z.string(), z.string()),
      value: z.number(),
      delta: z.number().optional(),
    }),
  ),
  part: z.int().min(0),
  parts: z.int().min(0),
  time_us: integer,
});
