import { z } from "zod";
import { fencesStatus } from "./fences-status.ts";
import { placeStatus } from "./place-status.ts";
import { verb } from "./verb.ts";

/** Where the vehicle is, as far as that may leave it: whoever reads the answer may be anywhere. */
export const placeShow = verb({
  name: "place.show",
  socket: "admin",
  request: z.object({}),
  answer: z.object({
    schemaVersion: z.literal(1),
    /** Absent where there is no fix, or positions stay in the vehicle. */
    position: z
      .object({
        latitude: z.number(),
        longitude: z.number(),
        altitudeM: z.number().optional(),
        speedKph: z.number().optional(),
        courseDeg: z.number().optional(),
        /** RFC 3339, UTC. */
        time: z.string(),
      })
      .readonly()
      .optional(),
    place: placeStatus,
  }),
});

/** Keeps positions in the vehicle, or does so no more; the driver's switch counts besides. */
export const placePrivate = verb({
  name: "place.private",
  socket: "admin",
  request: z.object({ isPrivate: z.boolean() }),
  answer: z.object({ schemaVersion: z.literal(1), fences: fencesStatus }),
});
