import { z } from "zod";
import { aborted } from "../../core/aborted.ts";
import type { Clock } from "../../core/clock.ts";
import { type AgentError, FAULTS } from "../../core/errors.ts";
import type { Renewal } from "../../identity/renewal.ts";
import type { Journal } from "../../ports/journal.ts";
import type { AwsJobs } from "../aws-jobs.ts";
import { isSameExecution, type Job, type JobHandler, type JobOutcome, withdrawnBy } from "../job-runner.ts";

const SPACE = "job";
const KEY = "rotation";
/** Between two looks at a renewal that goes on by itself, and between two wishes for one, ms. */
const POLL_MS = 2000;
const RETRY_MS = 60_000;

const rotationDocument = z.strictObject({ version: z.literal("1.0"), operation: z.literal("rotate-certificate") });

const begun = z.object({ jobId: z.string(), executionNumber: z.int(), from: z.string() });

/** What the handler of certificate rotations works with. */
export type RotationJobParts = {
  /** Undefined where the vehicle cannot renew its certificate. */
  readonly renewal: Pick<Renewal, "request" | "status"> | undefined;
  /** The certificate in use, and whether no change of it is open. */
  readonly certificate: () => { readonly id: string; readonly isSettled: boolean };
  readonly jobs: Pick<AwsJobs, "describe">;
  readonly journal: Pick<Journal, "get" | "put">;
  readonly clock: Pick<Clock, "sleep">;
};

/**
 * The handler of `rotate-certificate` documents. The old key goes only when the jobs service has answered over the connection with the new
 * certificate. Which certificate was in use at the beginning is in the journal, so that after a restart it is known whether another one
 * is: a rotation that is complete is not done again, and one that is not is never called a success.
 */
export function rotationJob(parts: RotationJobParts): JobHandler {
  const { renewal, clock } = parts;
  return async (document, job, signal) => {
    const problem = problemOfRotation(document, renewal);
    if (problem !== undefined || renewal === undefined) return ended("REJECTED", problem ?? "");
    const from = startingPoint(parts, job);
    job.report({ phase: "rotate" });
    let fault: AgentError | undefined;
    while (!signal.aborted) {
      const { id, isSettled } = parts.certificate();
      if (isSettled && id !== from) return done(id, from);
      if (job.withdrawn.aborted) return ended("FAILED", `cancelled ${withdrawnBy(job)}`);
      // A change that is open is gone on with by the renewal itself, with its own patience.
      if (fault === undefined || isSettled) {
        const wish = { reason: `job ${job.jobId}`, confirm: () => isKnown(parts, job, signal) };
        const outcome = await Promise.race([renewal.request(wish), aborted(signal)]);
        if (outcome === undefined) return "stopped";
        if (outcome.kind === "renewed") return done(outcome.certificateId, from);
        ({ fault } = outcome);
      } else ({ fault = fault } = renewal.status());
      if (FAULTS[fault.code].retry !== "backoff") return ended("FAILED", failure(fault, parts.certificate().isSettled));
      job.report({ phase: "rotate", waitingFor: fault.message });
      await clock.sleep(isSettled ? RETRY_MS : POLL_MS, signal);
    }
    return "stopped";
  };
}

/** Why a `rotate-certificate` document would not be taken; undefined for one that would. */
export function problemOfRotation(document: unknown, renewal: RotationJobParts["renewal"]): string | undefined {
  if (!rotationDocument.safeParse(document).success) return "malformed: the document has members that are not known";
  return renewal === undefined ? "unsupported: the vehicle has no template to renew with" : undefined;
}

/** The certificate at the job's beginning. */
function startingPoint({ journal, certificate }: RotationJobParts, job: Job): string {
  const known = begun.safeParse(journal.get(SPACE, KEY)).data;
  if (known !== undefined && isSameExecution(known, job)) return known.from;
  const { jobId, executionNumber } = job;
  const { id: from } = certificate();
  journal.put([{ space: SPACE, key: KEY, value: { jobId, executionNumber, from } }]);
  return from;
}

/** Any answer of the service will do: it came over the connection with the new certificate. */
async function isKnown({ jobs }: RotationJobParts, job: Job, signal: AbortSignal): Promise<boolean> {
  const { kind } = await jobs.describe(job.jobId, job.executionNumber, signal);
  return kind === "accepted" || kind === "rejected";
}

function failure({ code, message }: AgentError, isSettled: boolean): string {
  return `${code}: ${message}${isSettled ? "" : "; the agent goes on trying by itself"}`;
}

function done(certificateId: string, from: string): JobOutcome {
  return { status: "SUCCEEDED", details: { certificateId, previousCertificateId: from } };
}

function ended(status: JobOutcome["status"], reason: string): JobOutcome {
  return { status, details: { reason } };
}
