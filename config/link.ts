import { z } from "zod";

/** What a link costs, from the least on. */
export const LINK_COSTS = ["free", "low", "high"] as const;
export type LinkCost = (typeof LINK_COSTS)[number];

/** What goes over a link: the classes of records, and updates. */
export const LINK_USES = ["control", "event", "telemetry", "capture", "ota"] as const;
export type LinkUse = (typeof LINK_USES)[number];

/** IFNAMSIZ of Linux without its closing zero. */
const interfaceName = z
  .string()
  .regex(/^[^\s/]{1,15}$/, "must be a network interface: 1 to 15 characters without spaces and '/'")
  .describe("network interface, for example wwan0");

const bytes = z.int().min(100_000).max(1_000_000_000_000);

const budget = z
  .strictObject({
    link: interfaceName.optional().describe("counts for this network interface"),
    cost: z.enum(LINK_COSTS).optional().describe("counts for all interfaces of this cost together"),
    use: z
      .array(z.enum(LINK_USES))
      .min(1)
      .max(LINK_USES.length)
      .default(["capture", "telemetry", "ota"])
      .describe("what counts, and waits when it is used up; event and control only where they are named"),
    dayBytes: bytes.optional().describe("bytes a day of UTC"),
    monthBytes: bytes.optional().describe("bytes a calendar month of UTC"),
  })
  .refine(({ link, cost }) => (link === undefined) !== (cost === undefined), {
    path: ["link"],
    message: "name either link or cost",
  })
  .refine(({ dayBytes, monthBytes }) => dayBytes !== undefined || monthBytes !== undefined, {
    path: ["dayBytes"],
    message: "give dayBytes or monthBytes",
  })
  .refine(({ dayBytes, monthBytes }) => (dayBytes ?? 0) <= (monthBytes ?? Number.POSITIVE_INFINITY), {
    path: ["monthBytes"],
    message: "must be at least dayBytes",
  });

/** The way to the cloud: what it costs, and how much may go over it. */
export const linkConfig = z.strictObject({
  interfaces: z
    .record(
      interfaceName,
      z.strictObject({
        metered: z.boolean().optional().describe("whether its data are limited or paid for; not when absent"),
        cost: z.enum(LINK_COSTS).optional().describe("absent: high where it is metered, else free"),
      }),
    )
    .refine((interfaces) => Object.keys(interfaces).length <= 16, "at most 16 interfaces")
    .default({})
    .describe("what is known of network interfaces"),
  lookSeconds: z.int().min(1).max(300).default(5).describe("between two looks at the route to the broker"),
  budgets: z
    .array(budget)
    .max(16)
    .default([])
    .describe("bytes that may go over a link; what is over waits in the outbox, and nothing else waits for it"),
});

export type LinkConfig = z.infer<typeof linkConfig>;
