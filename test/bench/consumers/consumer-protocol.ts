import { z } from "zod";
import { wireUpdatePhase } from "./record-reader.ts";

/** What a consumer process reads at its start. */
export const consumerConfig = z.object({
  name: z.string(),
  host: z.string(),
  port: z.int(),
  caFile: z.string(),
  certificateFile: z.string(),
  keyFile: z.string(),
  thing: z.string(),
  descriptorFile: z.string(),
  dbcFile: z.string(),
  /** The log that is replayed instead of the simulated vehicle. */
  logFile: z.string().optional(),
  seed: z.int(),
  rate: z.number(),
  thinned: z.array(z.string()),
  /** The vehicle drives its first part again and again. */
  repeats: z.boolean(),
  /** "Message.Signal" of those whose latest values are reported. */
  watched: z.array(z.string()),
  /** Files of the campaigns that run besides; absent where none do. */
  campaigns: z.array(z.string()).optional(),
});
export type ConsumerConfig = z.infer<typeof consumerConfig>;

/**
 * "start" is sent once: the wall time of the vehicle's first frame, µs since the Unix epoch, and `distanceUs`, wall time less boottime of the
 * machine's own clock, where that of the vehicle may be moved. "judge" asks for the verdicts on campaigns;
 * `excuse` says why what is missing may be missing.
 */
export const consumerCommand = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("start"), startUs: z.number(), distanceUs: z.number().optional() }),
  z.object({ kind: z.literal("judge"), excuse: z.string().optional() }),
]);

/** What the consumer of campaigns writes. */
export const campaignReport = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("ready") }),
  z.object({ kind: z.literal("failed"), what: z.string() }),
  z.object({
    kind: z.literal("progress"),
    campaigns: z.array(z.object({ id: z.string(), triggers: z.number(), samples: z.number() })),
  }),
  z.object({
    kind: z.literal("campaigns"),
    verdicts: z.array(
      z.object({
        id: z.string(),
        version: z.number(),
        triggers: z.number(),
        judged: z.number(),
        mismatches: z.number(),
        unverified: z.number(),
        remarks: z.array(z.string()),
      }),
    ),
  }),
]);
export type CampaignReport = z.infer<typeof campaignReport>;

const delivery = z.object({
  epoch: z.number(),
  stream: z.string(),
  seq: z.number(),
  bytes: z.number(),
  copies: z.boolean(),
  samples: z.number(),
  frames: z.number(),
  mismatches: z.number(),
  unverified: z.number(),
  standsFor: z.array(z.number()),
});
export type ConsumerDelivery = z.infer<typeof delivery>;

const range = z.object({ first: z.number(), last: z.number() });
const reportedLoss = range.extend({ epoch: z.number(), stream: z.string(), kept: range.optional() });

const updatePhase = wireUpdatePhase.extend({ number: z.number(), bytes: z.number(), totalBytes: z.number() });
/** A phase of an update, as its record says (config/proto/telemetry.proto). */
export type ReportedPhase = z.infer<typeof updatePhase>;

/** What a consumer process writes: "ready" each time that it has subscribed, then a report at most every 100 ms. */
export const consumerReport = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("ready") }),
  z.object({ kind: z.literal("failed"), what: z.string() }),
  z.object({
    kind: z.literal("report"),
    deliveries: z.array(delivery),
    losses: z.array(reportedLoss),
    phases: z.array(updatePhase),
    /** Records that could not be read at all. */
    broken: z.number(),
    /** Records that wait for their signal table. */
    waiting: z.number(),
    remarks: z.array(z.string()),
    latest: z.record(z.string(), z.object({ value: z.number(), unit: z.string(), timeUs: z.number() })),
  }),
]);
export type ConsumerReport = z.infer<typeof consumerReport>;
