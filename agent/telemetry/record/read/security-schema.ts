import { z } from "zod";
import { SECURITY_EVENTS } from "../encode/security-event.ts";
import { count, integer } from "./wire-fields.ts";

/** Something that says who tries what with the vehicle or its agent. */
export const securityEvent = z.object({
  event: z.enum(SECURITY_EVENTS),
  reason: z.string(),
  source: z.string(),
  count,
  first_us: integer,
  time_us: integer,
  detail: z.string(),
  untold: count,
});
