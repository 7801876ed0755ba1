import { z } from "zod";
import { busName, path, port } from "./fields.ts";

const receiveBufferBytes = z
  .int()
  .min(65_536)
  .max(67_108_864)
  .default(8_388_608)
  .describe("socket buffer to ask the kernel for, bytes; see net.core.rmem_max");

const listenOnly = z
  .boolean()
  .optional()
  .describe("nothing is ever sent on it, whatever else allows it; what the controller says of itself counts too");

const bitrate = z
  .int()
  .min(1000)
  .max(1_000_000)
  .optional()
  .describe("bits a second of the bus, for its load; absent: the load is not told");

const canInterface = z
  .string()
  .regex(/^[^\s/]{1,15}$/, "must be an interface name of 1 to 15 characters")
  .describe("SocketCAN interface; the agent never changes it");

/** How one bus is reached. */
export const busConfig = z.discriminatedUnion("driver", [
  z.strictObject({
    name: busName,
    driver: z.literal("native"),
    interface: canInterface,
    listenOnly,
    bitrate,
    receiveBufferBytes,
    ringFrames: z
      .int()
      .min(1024)
      .max(1_048_576)
      .default(65_536)
      .describe("frames held while the main thread is busy; 80 bytes each"),
  }),
  z.strictObject({
    name: busName,
    driver: z.literal("socketcan"),
    interface: canInterface,
    listenOnly,
    bitrate,
  }),
  z.strictObject({
    name: busName,
    driver: z.literal("socketcand"),
    host: z.string().min(1).max(253).describe("where socketcand runs"),
    port: port.default(29_536).describe("TCP"),
    interface: z.string().min(1).max(64).describe("bus name on the remote side"),
    listenOnly,
  }),
  z.strictObject({
    name: busName,
    driver: z.literal("replay"),
    file: path.describe("log of candump, Vector (ASC, BLF) or PEAK (TRC)"),
    speed: z.number().min(0).max(1000).default(1).describe("1 is real time, 0 as fast as it is read"),
    loop: z.boolean().default(false).describe("begins again at its end"),
    interface: z
      .string()
      .min(1)
      .max(64)
      .optional()
      .describe("only frames of this interface in the log; all when absent"),
    skipGapsSeconds: z
      .number()
      .min(0.001)
      .max(31_536_000)
      .optional()
      .describe("a longer gap in the log's times is not waited for; each is when absent"),
  }),
]);
