import { z } from "zod";
import { CLOCK_REASONS } from "../encode/clock-change.ts";
import { count, integer } from "./wire-fields.ts";

const QUALITIES = {
  CLOCK_QUALITY_UNSYNCHRONISED: "unsynchronised",
  CLOCK_QUALITY_RTC: "rtc",
  CLOCK_QUALITY_NTP: "ntp",
  CLOCK_QUALITY_GPS: "gps",
  CLOCK_QUALITY_SAVED: "saved",
} as const;

/** How far a wall clock could be believed, of an anchor or of a change. */
export const clockQuality = z
  .enum([
    "CLOCK_QUALITY_UNSYNCHRONISED",
    "CLOCK_QUALITY_RTC",
    "CLOCK_QUALITY_NTP",
    "CLOCK_QUALITY_GPS",
    "CLOCK_QUALITY_SAVED",
  ])
  .transform((name) => QUALITIES[name]);

const standing = z.object({
  quality: clockQuality,
  source: z.string(),
  error_ms: z.number().min(0).optional(),
  detail: z.string(),
});

/** What the wall clock is worth has changed, or somebody has set it. */
export const clockChange = z.object({
  before: standing.nullable(),
  after: standing,
  step_us: integer,
  monotonic_us: integer,
  suspended_us: count,
  wall_us: integer,
  reason: z.enum(CLOCK_REASONS),
  untold: z.int().min(0),
});
