import { z } from "zod";
import type { JournalSpace } from "../../ports/journal-spaces.ts";

/** Where fences, the switch of privacy and the way travelled are kept. */
export const PLACE_SPACE: JournalSpace = "place";

/** Keys of the space "place". */
export const KEPT = {
  odometer: "odometer",
  privacy: "privacy",
  fence: (name: string): string => `fence:${name}`,
} as const;

/** Metres travelled. */
export const keptOdometer = z.object({ metres: z.number().min(0) });

/** Who keeps positions in the vehicle. `lossUs`: since when the journal is lost, in the newest loss that this was written after. */
export const keptPrivacy = z.object({
  isSwitchedOn: z.boolean(),
  isAskedFor: z.boolean(),
  lossUs: z.number().optional(),
});
export type KeptPrivacy = z.infer<typeof keptPrivacy>;

/** Which side of a fence the vehicle was on; `shape`: the fence as it was then. */
export const keptFence = z.object({ side: z.enum(["inside", "outside"]), shape: z.string() });
