import { describeReply, isRetryable } from "../cloud/request-client.ts";
import { fullJitterMs } from "../core/backoff.ts";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import type { Broker } from "../ports/broker.ts";
import type { AwsJobs, JobExecution } from "./aws-jobs.ts";
import { adoptVersion, isTerminal, statusIn } from "./execution-answer.ts";
import type { JobDetails, JobOutcome } from "./job.ts";

const RETRY = { minMs: 1000, maxMs: 60_000 } as const;
/** Of a reason that is sent again after it was rejected; letters. */
const MAX_PLAIN_REASON = 256;

/** What an outcome is reported with. `random` gives 0 <= x < 1. */
export type OutcomeReportParts = {
  readonly jobs: Pick<AwsJobs, "update">;
  readonly broker: Pick<Broker, "online">;
  readonly clock: Pick<Clock, "sleep">;
  readonly log: Log;
  readonly random: () => number;
};

/** Tells the service how an execution ended, until it has that, or has ended the execution by itself, or `signal` aborts. */
export async function reportOutcome(
  parts: OutcomeReportParts,
  execution: JobExecution,
  { status, details }: JobOutcome,
  signal: AbortSignal,
): Promise<void> {
  const { jobs, broker, clock, log, random } = parts;
  let reported = details;
  for (let failures = 0; !signal.aborted; failures++) {
    await broker.online(signal);
    const reply = await jobs.update(execution, status, reported, signal);
    if (reply.kind === "accepted") return;
    if (adoptVersion(execution, reply)) continue;
    if (reply.kind === "rejected" && !reply.rejection.isRetryable) {
      log.warn("job.outcome-refused", { jobId: execution.jobId, status, problem: describeReply(reply) });
      if (isTerminal(statusIn(reply) ?? "")) return;
      // It may be the details that do not fit. The status is what frees the next job; the reason goes along while it can.
      const shorter = shortened(reported);
      if (shorter !== undefined) {
        reported = shorter;
        continue;
      }
    }
    await clock.sleep(isRetryable(reply) ? fullJitterMs(failures, RETRY, random) : RETRY.maxMs, signal);
  }
}

/** What is tried in place of details that the service rejects: the reason in plain letters, then nothing; undefined when there is nothing less. */
function shortened(details: JobDetails): JobDetails | undefined {
  const { reason } = details;
  const plain = reason?.replace(/[^ -~]/g, "?").slice(0, MAX_PLAIN_REASON);
  if (plain !== undefined && (plain !== reason || Object.keys(details).length > 1)) return { reason: plain };
  return Object.keys(details).length > 0 ? {} : undefined;
}
