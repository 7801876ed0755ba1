import { z } from "zod";
import { verb } from "./verb.ts";

const execution = { jobId: z.string(), executionNumber: z.int() };
const details = z.record(z.string(), z.string()).readonly();

/** What is in progress and in the queue, asked of the service; `current` is the one that is worked on. */
export const jobsList = verb({
  name: "jobs.list",
  socket: "view",
  request: z.object({}),
  answer: z.object({
    schemaVersion: z.literal(1),
    current: z.object({ ...execution, operation: z.string(), details }).optional(),
    jobs: z.array(z.object({ ...execution, status: z.string() })).readonly(),
  }),
});

/** One job, or the one that is worked on; no `job` when there is none, or it is over. `operation` is known of the one that is worked on. */
export const jobsShow = verb({
  name: "jobs.show",
  socket: "view",
  request: z.object({ jobId: z.string().max(64).optional() }),
  answer: z.object({
    schemaVersion: z.literal(1),
    job: z
      .object({ ...execution, status: z.string(), details: details.default({}), operation: z.string().optional() })
      .optional(),
  }),
});

/** What would become of a job document. */
export const jobsCheck = verb({
  name: "jobs.check",
  socket: "view",
  request: z.object({ document: z.unknown() }),
  answer: z.discriminatedUnion("kind", [
    z.object({ schemaVersion: z.literal(1), kind: z.literal("possible"), operation: z.string() }),
    z.object({ schemaVersion: z.literal(1), kind: z.literal("rejected"), reason: z.string() }),
  ]),
});

/** Gives up the job that is worked on; no `jobId` when there is none. */
export const jobsCancel = verb({
  name: "jobs.cancel",
  socket: "admin",
  request: z.object({}),
  answer: z.object({ schemaVersion: z.literal(1), jobId: z.string().optional() }),
});
