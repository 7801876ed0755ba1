import { z } from "zod";
import { LINK_REASONS } from "../encode/link-change.ts";
import { count, integer } from "./wire-fields.ts";

/** Another network interface leads to the broker, or what is known of it has changed. */
export const linkChange = z.object({
  link: z.string(),
  cost: z.string(),
  metered: z.boolean(),
  modem: z
    .object({
      state: z.string(),
      failure: z.string(),
      registration: z.string(),
      operator: z.string(),
      technology: z.string(),
      signal_percent: z.int().min(0).max(100).optional(),
    })
    .nullable(),
  reason: z.enum(LINK_REASONS),
  untold: z.int().min(0),
  time_us: integer,
});

/** A file that an object store has. */
export const uploadedFile = z.object({
  upload: z.string(),
  kind: z.string(),
  name: z.string(),
  size_bytes: count,
  sha256: z.string(),
  location: z.string(),
  etag: z.string(),
  is_checked: z.boolean(),
  reason: z.string(),
  time_us: integer,
});

/** Bytes that went over links in a day that is over. */
export const dataUsage = z.object({
  day: z.int().min(0).optional(),
  usage: z.array(z.object({ link: z.string(), use: z.string(), day_bytes: count, month_bytes: count })),
  time_us: integer,
});
