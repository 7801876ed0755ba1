import { z } from "zod";
import { VEHICLE_STATES } from "../vehicle/state/vehicle-state.ts";

/** What the agent does otherwise, for the state that the vehicle is in. */
export const regimeStatus = z
  .object({
    state: z.enum(VEHICLE_STATES),
    /** For people; empty where all is as usual. */
    held: z.array(z.string()).readonly(),
  })
  .readonly();

export type RegimeStatus = z.infer<typeof regimeStatus>;
