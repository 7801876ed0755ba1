import { z } from "zod";
import { tunnelsStatus } from "./tunnels-status.ts";
import { verb } from "./verb.ts";

/** The tunnels that are open; `status` is absent where the configuration has none. */
export const tunnelList = verb({
  name: "tunnel.list",
  socket: "view",
  request: z.object({}),
  answer: z.object({ schemaVersion: z.literal(1), status: tunnelsStatus.optional() }),
});

/** Ends the tunnel of this number, or all of them. */
export const tunnelClose = verb({
  name: "tunnel.close",
  socket: "admin",
  request: z.object({ id: z.int().min(1).optional() }),
  answer: z.object({ schemaVersion: z.literal(1), closed: z.int().min(0) }),
});

/** A person at the vehicle allows tunnels to be opened for so long; 0 takes it back. */
export const tunnelAllow = verb({
  name: "tunnel.allow",
  socket: "admin",
  request: z.object({ minutes: z.int().min(0).max(1440) }),
  answer: z.object({
    schemaVersion: z.literal(1),
    /** Whether tunnels wait for it: false where the configuration has none, or wants no consent. */
    isNeeded: z.boolean(),
  }),
});
