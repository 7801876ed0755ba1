import { z } from "zod";
import { verb } from "./verb.ts";

/** One check of the self-test. A check that could not be made because of another one warns. */
export const checkSchema = z
  .object({
    check: z.string(),
    verdict: z.enum(["pass", "warn", "fail"]),
    what: z.string(),
    remedy: z.string().exactOptional(),
    /** Of the fault that it found (core/errors.ts). */
    code: z.string().exactOptional(),
  })
  .readonly();
export type Check = z.infer<typeof checkSchema>;

/** The self-test of the identity, for users who may not look themselves; no checks where the key is in a file. */
export const identityCheck = verb({
  name: "identity.check",
  socket: "view",
  request: z.object({}),
  answer: z.object({ schemaVersion: z.literal(1), checks: z.array(checkSchema).readonly() }),
});

/** A support bundle of this moment, compressed, in Base64. */
export const supportCollect = verb({
  name: "support.collect",
  socket: "view",
  request: z.object({}),
  answer: z.object({
    schemaVersion: z.literal(1),
    name: z.string().regex(/^[\w.-]{1,100}$/),
    sha256: z.string(),
    content: z.base64(),
  }),
});
