import { z } from "zod";

/** What the campaigns of a vehicle may cost together, by estimate; what is beyond is refused with the figure. */
export const campaignLimits = z
  .strictObject({
    count: z.int().min(1).max(10_000).default(100),
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
