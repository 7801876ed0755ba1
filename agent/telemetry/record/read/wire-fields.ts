import { z } from "zod";
import { STREAMS } from "../../../ports/outbox.ts";

/** 64-bit fields arrive as bigint; those that count or tell time must be exact as a number. */
export const integer = z
  .bigint()
  .refine((value) => value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER, "is beyond 2^53")
  .transform(Number);

/** 0 or more. */
export const count = integer.refine((value) => value >= 0, "is negative");

/** 1 or more. */
export const position = integer.refine((value) => value >= 1, "must be 1 or more");

export const stream = z.enum(STREAMS, `must be one of ${STREAMS.join(", ")}`);

/** What a bus has done since the agent started. */
export const busCount = z.object({
  bus: z.string(),
  received: count,
  dropped: count.optional(),
  error_frames: count,
});
