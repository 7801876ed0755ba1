import { z } from "zod";
import { keptEnergy } from "../events/kept-event.ts";
import { VEHICLE_STATES } from "./vehicle-state.ts";

/** Keys of the documents. */
export const KEPT = { state: "state", trip: "trip", trips: "trips" } as const;

/** The state as it was entered last. Times of the monotonic clock mean something in the boot alone that they are of. */
export const keptState = z.object({
  state: z.enum(VEHICLE_STATES),
  why: z.string(),
  bootId: z.string(),
  sinceMs: z.number(),
  /** The same moment by the clock that counts suspend. */
  enteredMs: z.number(),
});
export type KeptState = z.infer<typeof keptState>;

/** What a trip was like when it was last known to go on. */
const moment = z.object({
  timeUs: z.int(),
  /** Since it began, by the clock that counts suspend. */
  lastedMs: z.int().min(0),
  odometerKm: z.number().optional(),
  energy: keptEnergy.optional(),
});
export type TripMoment = z.infer<typeof moment>;

/** The newest trip: its number for ever, the rest while it is open. */
export const keptTrip = z.object({
  number: z.int().min(0),
  open: z
    .object({ beganUs: z.int(), beganMs: z.number(), beganOdometerKm: z.number().optional(), last: moment })
    .optional(),
});
export type KeptTrip = z.infer<typeof keptTrip>;

/** A trip that has ended. */
const keptEnd = z.object({
  trip: z.int().min(1),
  beganUs: z.int(),
  timeUs: z.int(),
  lastedMs: z.int().min(0).optional(),
  isInterrupted: z.boolean(),
  odometerKm: z.number().optional(),
  beganOdometerKm: z.number().optional(),
});
export type KeptEnd = z.infer<typeof keptEnd>;

/** The newest trips that have ended, oldest first. */
export const keptTrips = z.array(keptEnd).readonly();
