import { z } from "zod";

/** A time of day, UTC. What is earlier than the time before it is of the next day. */
const clockTime = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$/, 'must be a time such as "06:40" or "06:40:30"');
const minutes = z.number().min(0).max(600);
/** A part of a trip, from its start. */
const part = z.strictObject({ fromMinute: minutes, minutes });

const boot = z.strictObject({
  kind: z.literal("boot").describe("power goes, and comes back: the agent is killed, and starts in a new boot"),
  at: clockTime,
  clock: z.iso.datetime().optional().describe("what the gateway's clock shows then; right when absent"),
  setAfterMinutes: minutes.default(0).describe("when something sets it right, without a boot"),
});

const trip = z.strictObject({
  kind: z.literal("trip"),
  at: clockTime.describe("the ignition goes on"),
  legs: z.int().min(1).max(60).describe("of 168 s and some 3.4 km, each from standstill to standstill"),
  direction: z.enum(["out", "back"]).describe("away from home on the day's one road, or back"),
  tunnels: z.array(part).max(20).default([]).describe("neither coverage nor satellites"),
  roaming: z.array(part).max(20).default([]).describe("the modem is in a foreign network"),
  brakes: z.array(minutes).max(20).default([]).describe("minutes at which a hard brake lets a campaign capture frames"),
});

const update = z.strictObject({
  kind: z.literal("update").describe("the cloud has an update of a file set for the vehicle"),
  at: clockTime,
});

const unlock = z.strictObject({
  kind: z.literal("unlock").describe("somebody unlocks the doors from afar, with a signed command and a shoulder tap"),
  at: clockTime,
});

const upload = z.strictObject({
  kind: z
    .literal("upload")
    .describe("the cloud wants a support bundle in its object store: a signed command with a presigned URL"),
  at: clockTime,
});

const event = z.discriminatedUnion("kind", [boot, trip, update, unlock, upload]);

/** A day for `scripts/bench --drive`, as its file has it. */
export const dayFile = z.strictObject({
  schemaVersion: z.literal(1),
  name: z.string().regex(/^[a-z0-9-]{1,32}$/, "must be of a to z, 0 to 9 and -"),
  startsAt: clockTime,
  endsAt: clockTime,
  asleepAfterSeconds: z.int().min(10).max(86_400).describe("parked for so long, the vehicle goes to sleep"),
  checkInHours: z.number().min(0.1).max(24).describe("between two check-ins of a vehicle that is asleep"),
  asleepSpeed: z
    .number()
    .min(1)
    .max(10_000)
    .describe("how many times faster time passes while the gateway is suspended and the bus rests"),
  road: z.strictObject({
    latitude: z.number().min(-80).max(80).describe("of home"),
    longitude: z.number().min(-180).max(180),
    bearingDegrees: z.number().min(0).max(360).describe("of the road that leads away from home"),
    privateMetres: z.int().min(50).max(5000).describe("radius of the private zone around home"),
    depotMetres: z.int().min(50).max(5000).describe("radius of the fence around the place where the first trip ends"),
  }),
  events: z.array(event).min(1).max(200).describe("in the order of their time"),
});
export type DayFile = z.infer<typeof dayFile>;
