import { z } from "zod";
import { path, port } from "./fields.ts";

const serviceName = z.string().regex(/^[A-Za-z0-9:_-]{1,128}$/, "must be 1 to 128 letters, digits, ':', '_' or '-'");
const region = z.string().regex(/^[a-z0-9-]{1,32}$/, "must be the name of a region, for example eu-central-1");
const minutes = z.int().min(1).max(720);

/** Support reaches services of this gateway through AWS IoT Secure Tunneling. */
export const tunnelsConfig = z.strictObject({
  services: z
    .record(serviceName, port)
    .refine((services) => Object.keys(services).length > 0, "must name a service, for example SSH: 22")
    .describe("what can be reached: the name of a service in the cloud, and its TCP port on 127.0.0.1"),
  regions: z.array(region).min(1).max(32).describe("a tunnel of another region is refused"),
  endpoint: z
    .string()
    .max(253)
    .regex(/^[A-Za-z0-9.{}-]+(:\d{1,5})?$/, "must be HOST or HOST:PORT, with {region} in it where it differs by that")
    .refine((endpoint) => port.safeParse(Number(endpoint.split(":")[1] ?? 443)).success, "its port must be 1 to 65535")
    .default("data.tunneling.iot.{region}.amazonaws.com")
    .describe("of the service; {region} is that of the tunnel"),
  caFile: path.optional().describe("root certificates for it, PEM; those of well-known authorities when absent"),
  maxMinutes: minutes.default(60).describe("longest life of a tunnel"),
  idleMinutes: minutes.default(10).describe("a tunnel through which nothing goes for so long is ended"),
  maxTunnels: z.int().min(1).max(8).default(1).describe("open at a time; further ones are refused"),
  maxStreams: z.int().min(1).max(64).default(8).describe("connections of a tunnel to local services at a time"),
  consent: z
    .boolean()
    .default(false)
    .describe("whether a person at the vehicle has to allow it before (causeway tunnel allow)"),
  endWhenDriving: z
    .boolean()
    .default(false)
    .describe("whether tunnels end, and none is opened, while the vehicle is driving (power.state)"),
  metered: z
    .enum(["allow", "hold"])
    .default("allow")
    .describe(
      "hold: none is opened, and those that are end, while the link in use is metered (link.interfaces); allow: only the budgets of link hold it",
    ),
  notify: z
    .boolean()
    .default(false)
    .describe(
      "whether the notification of the service opens one too, where the policy of commands allows tunnel.notify: nobody has signed it",
    ),
});
export type TunnelsConfig = z.infer<typeof tunnelsConfig>;
