import { z } from "zod";
import { FILE_KINDS } from "../../config/files.ts";

const count = z.number().min(0);

/** Uploads of a vehicle. Counts are since the start of the agent. */
export const filesStatus = z
  .object({
    /** Those that wait or are on their way, oldest first. */
    uploads: z
      .array(
        z
          .object({
            upload: z.string(),
            kind: z.enum(FILE_KINDS),
            name: z.string(),
            /** waiting: for somebody to name a place; stored: the record of it is not durable yet; aborting: given up, and the store is to forget it. */
            state: z.enum(["waiting", "sending", "stored", "aborting"]),
            bytes: count,
            /** That the store has. */
            sentBytes: count,
            /** Why it does not go on, for people; absent while it does. */
            problem: z.string().optional(),
          })
          .readonly(),
      )
      .readonly(),
    stored: count,
    failed: count,
    refused: count,
    retried: count,
    /** Bytes of files that went out, repeats counted. */
    sentBytes: count,
    /** Bytes of today, UTC, and how many there may be. */
    dayUsedBytes: count,
    dayBytes: count,
    /** How often credentials for buckets were asked for; absent where there are none. */
    credentials: z.object({ given: count, failed: count }).readonly().optional(),
  })
  .readonly();

export type FilesStatus = z.infer<typeof filesStatus>;
