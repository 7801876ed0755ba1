import { z } from "zod";

const count = z.number().nonnegative();

/** How the agent does on one bus of J1939. Counts are since start. */
export const j1939Status = z
  .object({
    bus: z.string(),
    /** "off": it only listens. "cannot-claim": another node has the address, and it sends nothing until it is started again. */
    state: z.enum(["off", "none", "claiming", "claimed", "cannot-claim"]),
    /** Where it has one, or tries to. */
    address: z.int().optional(),
    /** Nodes that were heard. */
    nodes: count,
    /** Diagnostic messages that were read, and that could not be. */
    messages: count,
    malformed: count,
    /** Messages in several frames that came whole, and that did not, for whatever reason. */
    assembled: count,
    incomplete: count,
    /** Contests for the address, and addresses that were lost. */
    contests: count,
    lost: count,
    /** Transfers to this agent that did not come to their end. */
    failedTransfers: count,
    /** Requests of others that were left without an answer, as they were too many. */
    ignoredRequests: count,
    /** What nodes said of their readiness (DM5) last: monitors that have not run since the codes were cleared. */
    readiness: z
      .array(
        z
          .object({
            address: z.int(),
            activeCodes: count.optional(),
            previousCodes: count.optional(),
            compliance: z.string(),
            incomplete: z.array(z.string()).readonly(),
          })
          .readonly(),
      )
      .readonly(),
    /** What became of the polls of groups. */
    polls: z.object({ answered: count, unanswered: count, refused: count, withheld: count }).readonly(),
  })
  .readonly();

/** One bus of J1939 in a status. */
export type J1939Status = z.infer<typeof j1939Status>;
