import { z } from "zod";

const count = z.number().min(0);

/** Where positions come from, and how good they are: never where the vehicle is. */
export const placeStatus = z
  .object({
    /** The newest fix; absent where there is none, or it is old. */
    fix: z
      .object({
        mode: z.enum(["2d", "3d"]),
        /** Name of the source. */
        source: z.string(),
        satellites: count.optional(),
        /** Radius of horizontal uncertainty, m. */
        accuracyM: count.optional(),
        ageMs: count,
      })
      .readonly()
      .optional(),
    /** ms since the newest fix of all; absent where there was none since the start. */
    lastFixMs: count.optional(),
    /** Whether positions leave the vehicle; as `precisionMetres` says where it is not 0. */
    isShared: z.boolean(),
    precisionMetres: count,
    /** Frames of the buses that say where the vehicle is, and were kept from all records; absent where there are none such. */
    withheldFrames: count.optional(),
    /** In the order of preference. */
    sources: z
      .array(
        z
          .object({
            name: z.string(),
            /** "quiet": it is reached, and has nothing to say. */
            state: z.enum(["up", "quiet", "down"]),
            what: z.string(),
            remedy: z.string(),
            /** Whether its fixes count. */
            isChosen: z.boolean(),
            fixes: count,
            malformed: count,
          })
          .readonly(),
      )
      .readonly(),
  })
  .readonly();

export type PlaceStatus = z.infer<typeof placeStatus>;
