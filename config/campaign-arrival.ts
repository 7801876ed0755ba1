import { z } from "zod";

/** What the campaigns of a vehicle may cost together, by estimate; what is beyond is refused with the figure. */
export const campaignLimits = z
  .strictObject({
    count: z.int().min(1).max(10_000).default(100).describe("campaigns at a time"),
    windowBytes: z
      .int()
      .min(0)
      .max(1_073_741_824)
      .default(67_108_864)
      .describe("that the windows of expressions come to hold at most"),
    evaluationsPerSecond: z
      .int()
      .min(1)
      .max(10_000_000)
      .default(200_000)
      .describe("of expressions, by the cycle times of the DBC files"),
    bytesPerDay: z
      .int()
      .min(1000)
      .max(1_000_000_000_000)
      .default(1_000_000_000)
      .describe("of payloads; a campaign with a budget counts at most that"),
  })
  .prefault({})
  .describe("what campaigns may cost together, by estimate; one that is beyond is refused");

/** Campaigns of the cloud. */
export const campaignCloud = z.strictObject({
  shadow: z
    .string()
    .regex(/^[A-Za-z0-9:_-]{1,64}$/, "must be 1 to 64 letters, digits, ':', '_' or '-'")
    .default("campaigns")
    .describe("named shadow of the thing: desired says what is to run, reported what does"),
  document: z
    .string()
    .max(200)
    .regex(/^[^#+\0]*\/\+\/[^#+\0]+$/, "must have one level '+', for the id of the campaign, and no other wildcard")
    .default("cmd/causeway/{thing}/campaigns/+/document")
    .describe("where a document comes that is too long for the shadow, which then names its SHA-256"),
  reportSeconds: z.int().min(1).max(3600).default(5).describe("least time between two reports in the shadow"),
});
