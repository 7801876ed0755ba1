import { z } from "zod";

/** What a link costs, from the least on. */
export const LINK_COSTS = ["free", "low", "high"] as const;
export type LinkCost = (typeof LINK_COSTS)[number];

/** What goes over a link: the classes of records, updates, files that are uploaded, and tunnels of support, both ways. */
export const LINK_USES = ["control", "event", "telemetry", "capture", "ota", "files", "tunnels"] as const;
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
      .default(["capture", "telemetry", "ota", "files", "tunnels"])
      .describe("what counts, and waits when it is used up; event and control only where they are named"),
    dayBytes: bytes.optional().describe("bytes a day of UTC"),
    monthBytes: bytes.optional().describe("bytes a calendar month of UTC"),
    roaming: z
      .enum(["allow", "hold"])
      .default("allow")
      .describe(
        "hold: none of it goes while the modem of the link is registered with another network than its own, or that was never told",
      ),
  })
  .refine(({ link, cost }) => (link === undefined) !== (cost === undefined), {
    path: ["link"],
    message: "name either link or cost",
  })
  .refine(({ dayBytes, monthBytes, roaming }) => (dayBytes ?? monthBytes) !== undefined || roaming === "hold", {
    path: ["dayBytes"],
    message: "give dayBytes, monthBytes or roaming: hold",
  })
  .refine(({ dayBytes, monthBytes }) => (dayBytes ?? 0) <= (monthBytes ?? Number.POSITIVE_INFINITY), {
    path: ["monthBytes"],
    message: "must be at least dayBytes",
  });

/** The way to the cloud: what it costs, and how much may go over it. */
export const linkConfig = z
  .strictObject({
    interfaces: z
      .record(
        interfaceName,
        z.strictObject({
          metered: z
            .boolean()
            .optional()
            .describe("whether its data are limited or paid for; absent: as NetworkManager says, else not"),
          cost: z.enum(LINK_COSTS).optional().describe("absent: high where it is metered, else free"),
        }),
      )
      .refine((interfaces) => Object.keys(interfaces).length <= 16, "at most 16 interfaces")
      .default({})
      .describe("what is known of network interfaces"),
    networkManager: z
      .boolean()
      .default(false)
      .describe("ask NetworkManager which interfaces are metered; the word of interfaces goes before its own"),
    modemManager: z
      .strictObject({
        signalSeconds: z
          .int()
          .min(0)
          .max(3600)
          .default(0)
          .describe(
            "have modems measure their cell (RSRP, RSRQ) so often, which needs a polkit rule; 0 leaves it as it is",
          ),
      })
      .optional()
      .describe("ask ModemManager for the state of modems; they are not known without this section"),
    busAddress: z
      .string()
      .min(1)
      .max(256)
      .optional()
      .describe("D-Bus address in place of the system bus, for example unix:path=/run/dbus/system_bus_socket"),
    lookSeconds: z.int().min(1).max(300).default(5).describe("between two looks at the route to the broker"),
    budgets: z
      .array(budget)
      .max(16)
      .default([])
      .describe("bytes that may go over a link; what is over waits in the outbox, and nothing else waits for it"),
  })
  .refine(
    ({ budgets, modemManager }) => modemManager !== undefined || budgets.every(({ roaming }) => roaming === "allow"),
    {
      path: ["modemManager"],
      message: "is needed for roaming: hold, give modemManager: {}",
    },
  );

export type LinkConfig = z.infer<typeof linkConfig>;
