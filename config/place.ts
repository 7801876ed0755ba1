import { z } from "zod";
import { path, port } from "./fields.ts";
import { fences, privacySwitch, privateZone } from "./place-fences.ts";
import { signalName } from "./signal-name.ts";

const host = z.string().min(1).max(253);

const gpsd = z.strictObject({
  kind: z.literal("gpsd"),
  host: host.default("127.0.0.1").describe("where gpsd runs"),
  port: port.default(2947).describe("TCP"),
  socket: path.optional().describe("Unix socket of a gpsd that has one, in the place of host and port"),
  receiver: z
    .string()
    .min(1)
    .max(256)
    .optional()
    .describe("receiver as gpsd names it, for example /dev/ttyAMA0; any of gpsd's when absent"),
});

const nmeaSerial = z.strictObject({
  kind: z.literal("nmea-serial"),
  device: path.describe("serial port of a receiver that speaks NMEA 0183; the unit needs DeviceAllow= for it"),
  baud: z
    .union([
      z.literal(4800),
      z.literal(9600),
      z.literal(19_200),
      z.literal(38_400),
      z.literal(57_600),
      z.literal(115_200),
      z.literal(230_400),
      z.literal(460_800),
    ])
    .default(9600)
    .describe("bits a second, 8N1"),
});

const nmeaTcp = z.strictObject({
  kind: z.literal("nmea-tcp"),
  host,
  port: port.default(10_110).describe("10110 is IANA's for NMEA 0183"),
});

const signals = z.strictObject({
  kind: z.literal("signals"),
  latitude: signalName,
  longitude: signalName,
  altitude: signalName.optional(),
  speed: signalName.optional().describe("in km/h, m/s, kn or mph as the DBC file says; km/h where it says nothing"),
  course: signalName.optional().describe("in degrees, or rad where the DBC file says so"),
  accuracy: signalName.optional().describe("radius of horizontal uncertainty, m"),
  satellites: signalName.optional(),
  hdop: signalName.optional(),
  time: signalName.optional().describe("of the fix, seconds since midnight UTC"),
  maxAgeMs: z.int().min(100).max(60_000).default(3000).describe("an older value counts for none"),
});

/** Where positions come from. */
const positionSource = z.discriminatedUnion("kind", [gpsd, nmeaSerial, nmeaTcp, signals]);
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
  fences: fences.default([]).describe("places whose entering and leaving is told"),
  odometer: z.boolean().default(false).describe("counts the way by position, as location.odometer"),
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
      signals: z
        .array(z.string().min(1).max(256))
        .max(64)
        .default([])
        .describe(
          "patterns of signals of the DBC files that say where the vehicle is, beside those of sources and commands.locate: what sends them is not recorded while positions are not told as they are",
        ),
      zones: z.array(privateZone).max(100).default([]).describe("in them no position leaves the vehicle"),
      switch: privacySwitch.optional(),
    })
    .prefault({})
    .describe("what of a position leaves the vehicle"),
});
export type PlaceConfig = z.infer<typeof placeConfig>;
