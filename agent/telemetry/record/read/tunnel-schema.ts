import { z } from "zod";
import { TUNNEL_EVENTS } from "../encode/tunnel-event.ts";
import { count, integer } from "./wire-fields.ts";

/** A tunnel of support, and what went through it. */
export const tunnelEvent = z.object({
  event: z.enum(TUNNEL_EVENTS),
  tunnel: z.string(),
  number: z.int().min(0),
  origin: z.string(),
  services: z.array(z.string()),
  region: z.string(),
  connection: z.int().min(0),
  bytes_in: count,
  bytes_out: count,
  lasted_ms: count,
  reason: z.string(),
  detail: z.string(),
  counts: z
    .object({
      connections: z.int().min(0),
      connects: z.int().min(0),
      refused: count,
      ignored: count,
      untold: count,
    })
    .nullable(),
  untold: count,
  time_us: integer,
});
