import { z } from "zod";

/** What follows from the place of the vehicle: never where it is. */
export const fencesStatus = z
  .object({
    /** In the order of the configuration. */
    fences: z
      .array(
        z
          .object({
            name: z.string(),
            /** Absent where it is not known. */
            side: z.enum(["inside", "outside"]).optional(),
          })
          .readonly(),
      )
      .readonly(),
    /** Whether the driver's switch, or a person at the shell, keeps positions in the vehicle. */
    isPrivate: z.boolean(),
    /** The way by position, m; absent where it is not counted. */
    odometerMetres: z.number().min(0).optional(),
    /** Changes that the journal does not have yet, and those that were given up since the start. */
    unkept: z.object({ waiting: z.int().min(0), dropped: z.int().min(0) }).readonly(),
  })
  .readonly();

export type FencesStatus = z.infer<typeof fencesStatus>;
