import { z } from "zod";
import { path, port } from "./fields.ts";

const host = z.string().min(1).max(253);

const gpsd = z.strictObject({
  kind: z.literal("gpsd"),
  host: host.default("127.0.0.1"),
  port: port.default(2947),
  socket: path.optional().describe("Unix socket of a gpsd that has one, in the place of host and port"),
  device: z
    .string()
    .min(1)
    .max(256)
    .optional()
    .describe("receiver as gpsd names it, for example /dev/ttyAMA0; any of gpsd's when absent"),
});

/** Where positions come from. */
const positionSource = z.discriminatedUnion("kind", [gpsd]);
export type PositionSourceConfig = z.infer<typeof positionSource>;

/** Where the vehicle is. Without this section the agent does not know. */
export const placeConfig = z.strictObject({
  sources: z
    .array(positionSource)
    .min(1)
    .max(8)
    .describe("in the order of preference: the first that has fixes counts"),
  staleSeconds: z
    .number()
    .min(0.5)
    .max(3600)
    .default(5)
    .describe("a source without a fix for so long is none; set it above the time between two fixes"),
  returnSeconds: z
    .number()
    .min(0)
    .max(3600)
    .default(10)
    .describe("a better source must have had fixes for so long, without a break, before it counts again"),
  everyMs: z
    .int()
    .min(0)
    .max(86_400_000)
    .default(0)
    .describe("least time between two fixes that become signals; 0 takes each"),
  privacy: z
    .strictObject({
      share: z.boolean().default(true).describe("false keeps every position in the vehicle"),
      precisionMetres: z
        .int()
        .min(0)
        .max(100_000)
        .default(0)
        .describe(
          "positions are told as the middle of a field of this size, without altitude and course; 0 as they are",
        ),
    })
    .prefault({})
    .describe("what of a position leaves the vehicle"),
});
export type PlaceConfig = z.infer<typeof placeConfig>;
