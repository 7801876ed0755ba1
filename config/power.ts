import { z } from "zod";
import { powerBattery } from "./power-battery.ts";
import { powerRegimes } from "./power-regimes.ts";
import { powerSleep } from "./power-sleep.ts";
import { powerState, powerTrip } from "./power-state.ts";
import { powerWake } from "./power-wake.ts";

/** What the agent knows of the vehicle's use, and does about it: a part a file, `power-NAME.ts`. */
export const powerConfig = z.strictObject({
  state: powerState.optional().describe("driving, parked or asleep-soon, and trips; not known without this section"),
  states: powerRegimes.optional().describe("what the agent does in each state; the same in all without this section"),
  trip: powerTrip.optional().describe("what is noted of trips"),
  sleep: powerSleep.optional().describe("goes to sleep with the vehicle and wakes with it; not without this section"),
  wake: powerWake.optional().describe("what a sleeping vehicle wakes for"),
  battery: powerBattery.optional().describe("asks less of the battery the longer the vehicle stands"),
});
export type PowerConfig = z.infer<typeof powerConfig>;
