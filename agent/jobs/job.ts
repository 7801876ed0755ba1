import type { JobStatus } from "./aws-jobs.ts";

/** What names an execution. */
export type ExecutionId = { readonly jobId: string; readonly executionNumber: number };

/** What the cloud sees of a job beside its status: at most ten short texts. */
export type JobDetails = Readonly<Record<string, string>>;

/** How a job ended on the vehicle. REJECTED: the document is unknown or unsafe, and nothing was begun. */
export type JobOutcome = { readonly status: Exclude<JobStatus, "IN_PROGRESS">; readonly details: JobDetails };

/** One execution as a handler sees it. */
export type Job = ExecutionId & {
  /** What has been reached; sent when it has changed, and not too often. */
  report(details: JobDetails): void;
  /** The same for what changes all the time: `read` is asked when a report is due. */
  reportFrom(read: () => JobDetails): void;
  /** Aborted with "cancelled" or "timed-out" when the cloud has taken the job back, with "given-up" when a technician has. */
  readonly withdrawn: AbortSignal;
};

/** Carries out the documents of one operation. After a restart it gets the same execution again, and goes on with it. "stopped" when `signal` aborts. */
export type JobHandler = (document: unknown, job: Job, signal: AbortSignal) => Promise<JobOutcome | "stopped">;

/** Whether both name the same execution. */
export function isSameExecution(left: ExecutionId, right: ExecutionId): boolean {
  return left.jobId === right.jobId && left.executionNumber === right.executionNumber;
}

/** What a withdrawn job was given up by, for people. */
export function withdrawnBy({ withdrawn }: Pick<Job, "withdrawn">): string {
  return withdrawn.reason === "given-up" ? "by causeway jobs cancel" : "by the cloud";
}

/** An outcome with nothing but its reason. */
export function ended(status: JobOutcome["status"], reason: string): JobOutcome {
  return { status, details: { reason } };
}
