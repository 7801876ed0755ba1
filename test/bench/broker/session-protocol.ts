import { z } from "zod";

const linkStatus = z.object({
  state: z.enum(["offline", "connecting", "online"]),
  connects: z.number(),
  fault: z.object({ code: z.string(), what: z.string(), remedy: z.string() }).optional(),
});

/** One line of a session process. */
export const sessionReport = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("status"), status: linkStatus }),
  z.object({ kind: z.literal("outcome"), outcome: z.object({ kind: z.string(), reason: z.string().optional() }) }),
]);
export type SessionReport = z.infer<typeof sessionReport>;

/** What a session process is told to do: a publish with these properties. */
export const sessionPublish = z.object({
  topic: z.string(),
  payloadHex: z.string(),
  userProperties: z.array(z.tuple([z.string(), z.string()])),
});
export type SessionPublish = z.infer<typeof sessionPublish>;
