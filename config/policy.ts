import { z } from "zod";
import { publicKeySchema } from "../agent/core/public-key.ts";

const classRule = z.strictObject({ signature: z.boolean().default(false) }).prefault({});

/** Who may ask for what. What no rule allows is refused. */
export const policySchema = z.strictObject({
  schemaVersion: z.literal(1),
  keys: z.array(publicKeySchema).max(32).default([]).describe("pinned; further ones come by the action keys.replace"),
  classes: z
    .strictObject({ R0: classRule, R1: classRule })
    .prefault({})
    .describe("what these classes need; R2 and R3 always need a signature"),
  allow: z
    .array(
      z.strictObject({
        action: z
          .string()
          .regex(
            /^([A-Za-z][A-Za-z0-9._-]{0,63}|[A-Za-z][A-Za-z0-9._-]{0,62}\*|\*)$/,
            "must be an action's name, or the beginning of one and '*'",
          ),
        ratePerMinute: z.int().min(1).max(6000).default(60).describe("as many at once, and as many a minute"),
        signature: z.boolean().default(false).describe("needed whatever the class"),
        keys: z.array(z.string()).min(1).optional().describe("ids of the keys that may sign it; all when absent"),
      }),
    )
    .max(500)
    .describe("the first rule that matches counts"),
});
export type Policy = z.infer<typeof policySchema>;
