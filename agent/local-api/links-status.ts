import { z } from "zod";
import { LINK_COSTS, LINK_USES } from "../../config/link.ts";

const count = z.number().min(0);

/** The links of a vehicle, and what may go over them. */
export const linksStatus = z
  .object({
    /** The network interface by which packets to the broker leave, as it was seen last; absent before the first look. */
    inUse: z
      .object({ name: z.string(), isMetered: z.boolean(), cost: z.enum(LINK_COSTS) })
      .readonly()
      .optional(),
    /** Absent where ModemManager is not asked. */
    modems: z
      .object({
        isAnswering: z.boolean(),
        /** In ModemManager's words, as `ModemFacts` has them. */
        modems: z
          .array(
            z
              .object({
                interfaces: z.array(z.string()).readonly(),
                state: z.string(),
                failure: z.string(),
                registration: z.string(),
                operator: z.string(),
                technology: z.string(),
                signalPercent: count.optional(),
                rsrpDbm: z.number().optional(),
                rsrqDb: z.number().optional(),
              })
              .readonly(),
          )
          .readonly(),
      })
      .readonly()
      .optional(),
    /** Bytes of this day and month of UTC; nothing where no budget is configured. */
    budgets: z
      .array(
        z
          .object({
            /** For people: "wwan0", "links of cost high". */
            of: z.string(),
            use: z.array(z.enum(LINK_USES)).readonly(),
            dayBytes: count.optional(),
            monthBytes: count.optional(),
            dayUsedBytes: count,
            monthUsedBytes: count,
          })
          .readonly(),
      )
      .readonly(),
    /** What waits for a budget. */
    held: z
      .array(
        z
          .object({
            use: z.enum(LINK_USES),
            /** Of the outbox that wait for it; absent for ota. */
            bytes: count.optional(),
            /** For people: "day budget of wwan0 used". */
            what: z.string(),
            /** RFC 3339, UTC; absent where no time ends it. */
            until: z.string().optional(),
          })
          .readonly(),
      )
      .readonly(),
  })
  .readonly();

export type LinksStatus = z.infer<typeof linksStatus>;
