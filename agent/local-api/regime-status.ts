import { z } from "zod";

/** What the agent does otherwise, for the state that the vehicle is in. */
export const regimeStatus = z
  .object({
    state: z.enum(["driving", "parked", "asleep-soon"]),
    /** For people; empty where all is as usual. */
    held: z.array(z.string()).readonly(),
  })
  .readonly();

export type RegimeStatus = z.infer<typeof regimeStatus>;
