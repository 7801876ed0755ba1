import { z } from "zod";
import { place } from "./campaign-schema.ts";
import { count, integer, position } from "./wire-fields.ts";

const LAMP_STATES = {
  LAMP_STATE_UNSPECIFIED: undefined,
  LAMP_STATE_OFF: "off",
  LAMP_STATE_ON: "on",
  LAMP_STATE_SLOW_FLASH: "slow-flash",
  LAMP_STATE_FAST_FLASH: "fast-flash",
} as const;
const lamp = z
  .enum(["LAMP_STATE_UNSPECIFIED", "LAMP_STATE_OFF", "LAMP_STATE_ON", "LAMP_STATE_SLOW_FLASH", "LAMP_STATE_FAST_FLASH"])
  .transform((name) => LAMP_STATES[name]);

/** A value that may be not a number: `z.number()` refuses NaN and infinities. */
const double = z.custom<number>((value) => typeof value === "number", "must be a number");

const code = z.object({
  bus: z.string(),
  ecu: z.string(),
  protocol: z.enum(["obd", "uds", "j1939"]),
  code: z.string(),
  raw: count,
  text: z.string(),
  status: z.int().min(0).max(255).optional(),
  active: z.boolean(),
  pending: z.boolean(),
  confirmed: z.boolean(),
  permanent: z.boolean(),
  ecu_occurrences: z.int().min(0).optional(),
  occurrences: z.int().min(0),
  first_seen_us: integer,
  since_us: integer,
  last_seen_us: integer,
  odometer_km: double.optional(),
  lamps: z.object({ malfunction: lamp, stop: lamp, warning: lamp, protect: lamp }).nullable(),
  freeze: z.array(
    z.object({ name: z.string(), number: double.optional(), text: z.string().optional(), unit: z.string() }),
  ),
  freeze_dropped: z.int().min(0),
});

const EVENTS = {
  TROUBLE_CODE_EVENT_APPEARED: "appeared",
  TROUBLE_CODE_EVENT_CONFIRMED: "confirmed",
  TROUBLE_CODE_EVENT_HEALED: "healed",
  TROUBLE_CODE_EVENT_RETURNED: "returned",
  TROUBLE_CODE_EVENT_CHANGED: "changed",
  TROUBLE_CODE_EVENT_CLEARED: "cleared",
  TROUBLE_CODE_EVENT_LAMPS: "lamps",
} as const;

/** A trouble code that has changed its state. */
export const troubleCode = z.object({
  number: position,
  repeated: z.boolean(),
  event: z
    .enum([
      "TROUBLE_CODE_EVENT_APPEARED",
      "TROUBLE_CODE_EVENT_CONFIRMED",
      "TROUBLE_CODE_EVENT_HEALED",
      "TROUBLE_CODE_EVENT_RETURNED",
      "TROUBLE_CODE_EVENT_CHANGED",
      "TROUBLE_CODE_EVENT_CLEARED",
      "TROUBLE_CODE_EVENT_LAMPS",
    ])
    .transform((name) => EVENTS[name]),
  code,
  time_us: integer,
  cleared: z.array(z.string()),
  cleared_dropped: z.int().min(0),
  cleared_by: z.string(),
  position: place.nullable(),
});

/** All active trouble codes. */
export const troubleCodeReport = z.object({
  time_us: integer,
  reason: z.enum(["day", "asked"]),
  codes: z.array(code),
  part: z.int().min(0),
  parts: z.int().min(1),
  ecu: z.string(),
  refused: count,
});
