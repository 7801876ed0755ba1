import { z } from "zod";

const shadowName = z.string().regex(/^[A-Za-z0-9:_-]{1,64}$/, "must be 1 to 64 letters, digits, ':', '_' or '-'");

/** Named shadows that the agent keeps, beside that of `campaigns.cloud`. */
export const shadowsConfig = z.strictObject({
  state: z
    .strictObject({
      name: shadowName.default("state"),
      minSeconds: z
        .int()
        .min(1)
        .max(86_400)
        .default(60)
        .describe("least time between two updates, and to the first after a start"),
      updatesPerDay: z
        .int()
        .min(1)
        .max(10_000)
        .default(200)
        .describe("at most, in 24 hours; what changes beyond is told together when they are over"),
      position: z
        .strictObject({
          everyMinutes: z.int().min(1).max(1440).default(30).describe("least time between two positions"),
          moveMetres: z.int().min(1).max(1_000_000).default(200).describe("by less the vehicle has not moved"),
          decimals: z.int().min(0).max(6).default(3).describe("of degrees; 3 are some hundred metres"),
        })
        .optional()
        .describe(
          "where the vehicle is, as far as the section place lets it out; not told without this, and taken back when it may leave no more",
        ),
    })
    .optional()
    .describe("how the vehicle is, in reported: versions, campaigns, update, link, buses, clock, certificate"),
});
export type ShadowsConfig = z.infer<typeof shadowsConfig>;
