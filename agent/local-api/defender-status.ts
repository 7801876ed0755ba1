import { z } from "zod";

const count = z.int().min(0);

/** Reports to AWS IoT Device Defender since start. */
export const defenderStatus = z
  .object({
    accepted: count,
    rejected: count,
    /** Nobody said what became of them. */
    unanswered: count,
    /** The newest one; 0 before the first. */
    reportId: count,
    reportBytes: count,
    acceptedAgoMs: z.number().min(0).optional(),
    /** Why the newest one was refused. */
    fault: z.string().optional(),
    /** Of the newest report: lines of the kernel that were not understood, and custom metrics that were too many. */
    unreadLines: count,
    customLeftOut: count,
  })
  .readonly();

export type DefenderStatus = z.infer<typeof defenderStatus>;
