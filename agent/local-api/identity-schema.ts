import { z } from "zod";
import { verb } from "./verb.ts";

/** A new certificate now. Answered when it is in use and the old key is gone, or with the fault. */
export const certRenew = verb({
  name: "cert.renew",
  socket: "admin",
  request: z.object({}),
  answer: z.object({ schemaVersion: z.literal(1), certificateId: z.string() }),
});
