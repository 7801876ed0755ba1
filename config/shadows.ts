import { z } from "zod";

const shadowName = z.string().regex(/^[A-Za-z0-9:_-]{1,64}$/, "must be 1 to 64 letters, digits, ':', '_' or '-'");

const paceOf = (seconds: number, updates: number) => ({
  minSeconds: z
    .int()
    .min(1)
    .max(86_400)
    .default(seconds)
    .describe("least time between two updates, and to the first after a start"),
  updatesPerDay: z
    .int()
    .min(1)
    .max(10_000)
    .default(updates)
    .describe("at most, in 24 hours; what changes beyond is told together when they are over"),
});

/** Named shadows that the agent keeps, beside that of `campaigns.cloud`. */
export const shadowsConfig = z.strictObject({
  state: z
    .strictObject({
      name: shadowName.default("state").describe("of the shadow"),
      ...paceOf(60, 200),
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
  config: z
    .strictObject({
      name: shadowName.default("config").describe("of the shadow"),
      ...paceOf(10, 100),
      settleSeconds: z
        .int()
        .min(0)
        .max(86_400)
        .default(300)
        .describe(
          "least time from a start to a trial of settings, which starts the agent anew; the newest are tried then",
        ),
    })
    .optional()
    .describe("settings from the cloud, in desired: the sections of ota.jobs.settings, whole or not at all"),
});
export type ShadowsConfig = z.infer<typeof shadowsConfig>;
