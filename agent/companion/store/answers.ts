import { z } from "zod";
import { plainText } from "../../core/plain-text.ts";

/** Longest explanation of a vehicle that is kept, characters. */
const MAX_DESCRIPTION = 300;

/** What a vehicle says of a command (agent/commands/channels/companion-channel.ts); each part is untrusted text of bounded length. */
export const vehicleAnswer = z.object({
  status: z.enum(["IN_PROGRESS", "SUCCEEDED", "FAILED", "REJECTED", "TIMED_OUT"]),
  reason: z
    .object({
      code: z.string().regex(/^[A-Z0-9_]{1,64}$/),
      description: z.string().transform((text) => plainText(text, MAX_DESCRIPTION)),
    })
    .readonly()
    .optional(),
});
/** One status of a command, as its vehicle told it. */
export type VehicleAnswer = Readonly<z.infer<typeof vehicleAnswer>>;

/** What vehicles have answered. A vehicle writes under its own name alone: who brings the answers in takes the thing from the topic. */
export interface AnswerStore {
  /** What the thing has said of this command so far, a status once; the final one is among them when it is there. */
  read(thing: string, command: string): Promise<readonly VehicleAnswer[]>;
}
