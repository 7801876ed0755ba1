import { z } from "zod";

/** Keys of the space "place". */
export const KEPT = {
  odometer: "odometer",
  privacy: "privacy",
  fence: (name: string): string => `fence:${name}`,
} as const;

/** Metres travelled. */
export const keptOdometer = z.object({ metres: z.number().min(0) });

/** Who keeps positions in the vehicle. */
export const keptPrivacy = z.object({ isSwitchedOn: z.boolean(), isAskedFor: z.boolean() });
export type KeptPrivacy = z.infer<typeof keptPrivacy>;

/** Which side of a fence the vehicle was on; `shape`: the fence as it was then. */
export const keptFence = z.object({ side: z.enum(["inside", "outside"]), shape: z.string() });
