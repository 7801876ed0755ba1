import { z } from "zod";

const count = z.number().min(0);

/** Tunnels through which support reaches services of the gateway. Bytes are those of local services; counts are since the start. */
export const tunnelsStatus = z
  .object({
    open: z
      .array(
        z
          .object({
            id: z.int(),
            services: z.array(z.string()).readonly(),
            state: z.enum(["connecting", "open"]),
            openedMs: count,
            /** Until its time is over. */
            leftMs: count,
            /** To local services: at this moment, and since it was opened. */
            connections: count,
            opened: count,
            /** WebSockets that it has had. */
            connects: count,
            bytesIn: count,
            bytesOut: count,
            /** Why there is no WebSocket; absent while there is one, and before the first attempt. */
            problem: z.string().optional(),
          })
          .readonly(),
      )
      .readonly(),
    /** For how long a person at the vehicle allows tunnels yet; absent where nobody does, or none has to. */
    allowedMs: count.optional(),
    opened: count,
    refused: count,
    /** Of all tunnels: connections to local services, WebSockets, and bytes of local services. */
    connections: count,
    connects: count,
    bytesIn: count,
    bytesOut: count,
    /** Why notifications of the service do not come; absent where they do, or are not wanted. */
    problem: z.string().optional(),
    /** Records of connections and refusals that were not made, because there were too many in a minute. */
    untold: count,
  })
  .readonly();

export type TunnelsStatus = z.infer<typeof tunnelsStatus>;
