import { z } from "zod";
import { busCount, count, integer, position } from "./wire-fields.ts";

/** The campaign that a record is of. */
export const campaign = z.object({ id: z.string().min(1), version: z.int().min(0), digest: z.string() });

/** A value that may be not a number: `z.number()` refuses NaN and infinities. */
const double = z.custom<number>((value) => typeof value === "number", "must be a number");
const address = z.int().min(0).max(255).optional();

/** Digits of an integer of 64 bits, scaled. */
const exact = z
  .string()
  .regex(/^-?[0-9]{1,40}$/, "must be decimal digits")
  .transform((digits) => BigInt(digits));

/** Samples with their names. */
export const rows = z.object({
  campaign: campaign.nullable(),
  trigger: count,
  rows: z.array(
    z
      .object({
        name: z.string().min(1),
        bus: z.string(),
        number: double.optional(),
        exact: exact.optional(),
        text: z.string().optional(),
        unit: z.string(),
        time_us: integer,
        aggregate: z.string(),
        window_us: count,
        source: address,
        destination: address,
        vss_paths: z.array(z.string()),
      })
      .refine(({ number, text }) => number !== undefined || text !== undefined, "has neither number nor text"),
  ),
  buses: z.array(busCount),
});

const triggerValue = z.object({
  name: z.string(),
  number: double.optional(),
  flag: z.boolean().optional(),
  text: z.string().optional(),
  unit: z.string(),
  time_us: integer.optional(),
});

/** Where the vehicle was. */
export const place = z.object({
  latitude: double,
  longitude: double,
  altitude: double.optional(),
  accuracy: double.optional(),
  time_us: integer,
});

const PHASES = { TRIGGER_PHASE_BEGIN: "begin", TRIGGER_PHASE_END: "end" } as const;

/** A trigger that has fired, or what belongs to it that has ended. */
export const trigger = z.object({
  campaign,
  number: position,
  name: z.string(),
  expression: z.string(),
  mode: z.enum(["rising", "while"]),
  time_us: integer,
  values: z.array(triggerValue),
  before_ms: count,
  after_ms: count,
  history_ms: count,
  clock_stepped: z.boolean(),
  spans_stop: z.boolean(),
  marks_us: z.array(integer),
  marks_dropped: z.int().min(0),
  buses: z.array(busCount),
  phase: z.enum(["TRIGGER_PHASE_BEGIN", "TRIGGER_PHASE_END"]).transform((name) => PHASES[name]),
  frames: count,
  frames_lost: count,
  samples_discarded: count,
  dtcs: z.array(z.string()),
  position: place.nullable(),
  by_hand: z.boolean(),
  values_dropped: z.int().min(0),
  dtcs_dropped: z.int().min(0),
});

/** What campaigns run, and which were refused. */
export const campaignReport = z.object({
  time_us: integer,
  running: z.array(z.object({ campaign, state: z.string(), triggers: count, bytes_today: count })),
  refused: z.array(z.object({ id: z.string(), version: z.int().min(0), reason: z.string() })),
  part: z.int().min(0),
  parts: z.int().min(1),
});
