import { z } from "zod";

const count = z.number().nonnegative();

/** What became of remote commands since start, and what is remembered of them. */
export const commandsStatus = z
  .object({
    /**
     * "lost": what it held before is gone, and what acts is refused until someone acknowledges that. "unvouched": what vouches for it
     * cannot be asked, and what acts is refused for as long.
     */
    ledger: z.enum(["sound", "lost", "unvouched"]),
    what: z.string().optional(),
    remembered: count,
    maxCommands: count,
    refused: count,
    forgottenRejections: count,
    /** Refused requests that were counted, not remembered one by one. */
    rejectedOverBudget: count,
    /** Entries of the audit trail that were given up before they reached the outbox. */
    auditDropped: count,
    running: count,
    /** Commands that came to their end, by action and how. */
    ended: z.array(z.object({ action: z.string(), status: z.string(), count }).readonly()).readonly(),
    /** Requests that were refused before anything was done, by why. */
    rejected: z.record(z.string(), count),
  })
  .readonly();
