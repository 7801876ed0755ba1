import { z } from "zod";
import { VEHICLE_STATES } from "../vehicle/state/vehicle-state.ts";

const count = z.number().min(0);

/** What the vehicle does. */
export const vehicleStatus = z
  .object({
    state: z.enum(VEHICLE_STATES),
    forMs: count,
    /** For people. */
    why: z.string(),
    isIgnitionOn: z.boolean(),
    /** The trip that has begun; absent while there is none. */
    trip: z.object({ number: count, forMs: count }).readonly().optional(),
    /** Until it is asleep soon, if it stays parked; absent where it is not parked, or never will be. */
    asleepSoonInMs: count.optional(),
    /** Changes that wait for the journal, and that were given up, since start. */
    unkept: z.object({ waiting: count, dropped: count }).readonly(),
  })
  .readonly();

export type VehicleStatus = z.infer<typeof vehicleStatus>;
