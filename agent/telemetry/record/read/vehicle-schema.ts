import { z } from "zod";
import { place } from "./campaign-schema.ts";
import { count, integer, position } from "./wire-fields.ts";

/** A value that may be not a number: `z.number()` refuses NaN and infinities. */
const double = z.custom<number>((value) => typeof value === "number", "must be a number");
const energy = z.object({ value: double, unit: z.string() }).nullable();
const state = z.enum(["driving", "parked", "asleep-soon"]);

/** What all events of the vehicle have. */
const event = { number: position, repeated: z.boolean(), time_us: integer };

/** The vehicle has begun to do something else. */
export const vehicleStateChange = z.object({
  ...event,
  state,
  before: state,
  why: z.string(),
  lasted_ms: count.optional(),
  trip: count,
  odometer_km: double.optional(),
  energy,
});

/** The vehicle has woken. */
export const wake = z.object({
  ...event,
  cause: z.string(),
  name: z.string(),
  check_in: z.boolean(),
  slept_ms: count,
  suspended_ms: count,
  buses: z.array(
    z.object({
      bus: z.string(),
      first_id: z.number().optional(),
      extended: z.boolean(),
      first_after_ms: count.optional(),
      lost: count.optional(),
    }),
  ),
  unplanned: count,
  most: count.optional(),
  over_budget: z.boolean(),
});

/** A trip begins or ends. */
export const trip = z.object({
  ...event,
  trip: position,
  phase: z.enum(["begin", "end"]),
  began_us: integer,
  lasted_ms: count.optional(),
  interrupted: z.boolean(),
  odometer_km: double.optional(),
  began_odometer_km: double.optional(),
  energy,
  position: place.nullable(),
});

/** The vehicle has come into a fence, or left it. */
export const fenceEvent = z.object({
  ...event,
  name: z.string(),
  transition: z.enum(["enter", "leave"]),
  trip: count,
  odometer_km: double.optional(),
  position: place.nullable(),
});

/** Somebody in the vehicle keeps its positions there, or does so no more. */
export const privacyChange = z.object({
  ...event,
  private: z.boolean(),
  by: z.enum(["signal", "technician"]),
});
