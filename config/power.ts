import { z } from "zod";
import { powerState, powerTrip } from "./power-state.ts";

/** What the agent knows of the vehicle's use, and does about it: a part a file, `power-NAME.ts`. */
export const powerConfig = z.strictObject({
  state: powerState.optional().describe("driving, parked or asleep-soon, and trips; not known without this section"),
  trip: powerTrip.optional().describe("what is noted of trips"),
});
export type PowerConfig = z.infer<typeof powerConfig>;
