import { z } from "zod";

const count = z.int().min(0);

/** Other programs that hand over records and answer commands. Counts are since start. */
export const programsStatus = z
  .object({
    /** Connections at this moment, and what became of others. */
    connected: count,
    refused: count,
    displaced: count,
    slow: count,
    tooLong: count,
    /** Lines of no known program. */
    strangerLines: count,
    /** Why publish.sock, or the socket of one program, is not served; absent where all are. */
    problem: z.string().optional(),
    programs: z
      .array(
        z
          .object({
            /** Empty for all that say no name. */
            name: z.string(),
            records: count,
            bytes: count,
            /** Lines that were answered with an error. */
            refused: count,
            /** Times that it had to wait because of its rate. */
            delayed: count,
            /** Commands that it was handed, and those of them whose end nobody knows: it went away, was late, or its answer could not be used. */
            commands: count,
            unanswered: count,
            /** Commands that it answers at this moment. */
            answers: z.array(z.string()).readonly(),
            /** Commands that it may answer and does not: it is not connected, or has not said that it does. */
            missing: z.array(z.string()).readonly(),
            /** In the outbox, over restarts; at most `maxStoredBytes`. */
            storedBytes: count,
            maxStoredBytes: count,
          })
          .readonly(),
      )
      .readonly(),
  })
  .readonly();

export type ProgramsStatus = z.infer<typeof programsStatus>;
