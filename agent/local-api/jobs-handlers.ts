import { describeReply, type Reply } from "../cloud/request-client.ts";
import { AgentError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { AwsJobs } from "../jobs/aws-jobs.ts";
import type { JobRunner } from "../jobs/job-runner.ts";
import type { Broker } from "../ports/broker.ts";
import { jobsCancel, jobsCheck, jobsList, jobsShow } from "./jobs-schema.ts";
import { requireOnline } from "./require-online.ts";
import type { Status } from "./status-schema.ts";
import type { ServedVerb } from "./verb.ts";

/** `problems` says by operation why a document would not be taken. */
export type JobsParts = {
  readonly jobs: Pick<AwsJobs, "pending" | "describe">;
  readonly runner: Pick<JobRunner, "current" | "ended" | "giveUp" | "operationOf">;
  readonly broker: Pick<Broker, "status">;
  readonly problems: Readonly<Record<string, (document: unknown) => Promise<string | undefined>>>;
  readonly log: Log;
};

/** The verbs of jobs. What changes something is logged before it acts. */
export function jobsHandlers(parts: JobsParts): readonly ServedVerb[] {
  const { runner, problems, log } = parts;
  return [
    jobsList.answeredBy(async (_request, signal) => {
      const { inProgressJobs, queuedJobs } = accepted(await asked(parts).pending(signal));
      const inProgress = inProgressJobs.map((job) => ({ ...job, status: "IN_PROGRESS" }));
      const queued = queuedJobs.map((job) => ({ ...job, status: "QUEUED" }));
      return { schemaVersion: 1, current: runner.current(), jobs: [...inProgress, ...queued] };
    }),
    jobsShow.answeredBy(async (request, signal) => {
      const current = runner.current();
      const { jobId = current?.jobId } = request;
      if (jobId === undefined) return { schemaVersion: 1 };
      if (current !== undefined && jobId === current.jobId) {
        return { schemaVersion: 1, job: { ...current, status: "IN_PROGRESS" } };
      }
      return { schemaVersion: 1, job: await described(parts, jobId, signal) };
    }),
    jobsCheck.answeredBy(async ({ document }) => {
      const found = runner.operationOf(document);
      if ("rejection" in found) return { schemaVersion: 1, kind: "rejected", reason: found.rejection };
      const reason = await problems[found.operation]?.(document);
      if (reason !== undefined) return { schemaVersion: 1, kind: "rejected", reason };
      return { schemaVersion: 1, kind: "possible", operation: found.operation };
    }),
    jobsCancel.answeredBy(() => {
      const jobId = runner.current()?.jobId;
      log.warn("admin.job-cancel-requested", { jobId });
      return { schemaVersion: 1, jobId: runner.giveUp() ? jobId : undefined };
    }),
  ];
}

/** What the agent's status says of jobs: the one that is worked on. */
export function jobReport({ runner }: Pick<JobsParts, "runner">): Status["job"] {
  const current = runner.current();
  return current === undefined ? undefined : { jobId: current.jobId, operation: current.operation };
}

/** How jobs ended since start. */
export function endedJobs({ runner }: Pick<JobsParts, "runner">): Status["jobs"] {
  return runner.ended();
}

async function described(parts: JobsParts, jobId: string, signal: AbortSignal) {
  const reply = await asked(parts).describe(jobId, undefined, signal);
  // What is over is not described any more: the service says so, or that it never was.
  if (reply.kind === "rejected" && !reply.rejection.isRetryable) return undefined;
  const { execution } = accepted(reply);
  if (execution === undefined) return undefined;
  const { executionNumber, status, statusDetails: details = {} } = execution;
  return { jobId, executionNumber, status, details };
}

function asked({ jobs, broker }: JobsParts): JobsParts["jobs"] {
  requireOnline(broker);
  return jobs;
}

function accepted<T>(reply: Reply<T>): T {
  if (reply.kind === "accepted") return reply.body;
  throw new AgentError("broker.unreachable", {
    what: `the jobs service: ${describeReply(reply)}`,
    remedy: "try again; ota.jobs needs a policy that allows the reserved topics of jobs",
  });
}
