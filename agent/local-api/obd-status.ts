import { z } from "zod";

const count = z.number().min(0);

/** How OBD-II does on one bus. Counts are since start. */
export const obdBusStatus = z
  .object({
    bus: z.string(),
    /** Those that are read. */
    ecus: z
      .array(
        z
          .object({
            name: z.string(),
            /** Id of its answers: "0x7e8". */
            response: z.string(),
            /** Whether it said in this run what it has. */
            hasAnswered: z.boolean(),
            /** PIDs that it has; absent while that is not known. */
            pids: count.optional(),
            /** Requests for live data by how they ended, and the PIDs in the answers; absent before the first. */
            polls: z
              .object({
                answers: count,
                pids: count,
                refused: count,
                silent: count,
                malformed: count,
                withheld: count,
              })
              .readonly()
              .optional(),
          })
          .readonly(),
      )
      .readonly(),
    /** Answers to other testers: what was told, what made no sense, what no ECU here has a name for, and PDUs that were not put together. */
    passive: z
      .object({ taken: count, malformed: count, nameless: count, incomplete: count, evicted: count, tooLong: count })
      .readonly(),
  })
  .readonly();

export type ObdBusStatus = z.infer<typeof obdBusStatus>;
