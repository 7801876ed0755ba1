import { z } from "zod";

const count = z.int().min(0);

/** Who reads the metrics, and how that goes. Counts are since start. */
export const metricsStatus = z
  .object({
    /** Where scrapers ask. */
    scrapes: z
      .array(
        z
          .object({
            place: z.enum(["socket", "port"]),
            /** Path of the socket, or address and port. */
            at: z.string(),
            answered: count,
            refused: count,
            failed: count,
            /** Why nobody is answered there. */
            problem: z.string().optional(),
          })
          .readonly(),
      )
      .readonly(),
    /** The file for node_exporter; absent where none is written. */
    file: z
      .object({
        path: z.string(),
        written: count,
        failed: count,
        /** Why the last one was not written. */
        problem: z.string().optional(),
      })
      .readonly()
      .optional(),
    /** Health records that were handed over; absent where none are made. */
    health: z.object({ reports: count }).readonly().optional(),
  })
  .readonly();

export type MetricsStatus = z.infer<typeof metricsStatus>;
