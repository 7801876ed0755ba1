import { z } from "zod";
import { COMMANDED_STATES } from "../vehicle/state/command-ignition.ts";
import { vehicleStatus } from "./vehicle-status.ts";
import { verb } from "./verb.ts";

const count = z.number().min(0);
const command = z.object({ state: z.enum(COMMANDED_STATES), leftMs: count }).readonly();

/** What the vehicle does, and what each source says of the ignition, in the order of trust. */
export const vehicleState = verb({
  name: "vehicle.state",
  socket: "view",
  request: z.object({}),
  answer: z.object({
    schemaVersion: z.literal(1),
    ...vehicleStatus.unwrap().shape,
    sources: z
      .array(z.object({ source: z.string(), says: z.enum(["on", "off", "unknown"]), why: z.string() }).readonly())
      .readonly(),
    command: command.optional(),
  }),
});

/** Somebody in the vehicle says what it does, for so long; without a state nobody says so any more. */
export const vehicleSetState = verb({
  name: "vehicle.set-state",
  socket: "admin",
  request: z.object({
    state: z.enum(COMMANDED_STATES).optional(),
    seconds: z.int().min(1).max(604_800).default(3600),
  }),
  answer: z.object({ schemaVersion: z.literal(1), command: command.optional() }),
});

/** The newest trips that have ended, newest first. */
export const vehicleTrips = verb({
  name: "vehicle.trips",
  socket: "view",
  request: z.object({}),
  answer: z.object({
    schemaVersion: z.literal(1),
    trips: z
      .array(
        z
          .object({
            trip: count,
            /** µs since the Unix epoch, as the clock was. */
            beganUs: z.number(),
            endedUs: z.number(),
            lastedMs: count.optional(),
            isInterrupted: z.boolean(),
            distanceKm: z.number().optional(),
          })
          .readonly(),
      )
      .readonly(),
  }),
});

/** One of `vehicle.trips`. */
export type ShownTrip = z.infer<typeof vehicleTrips.answer>["trips"][number];
