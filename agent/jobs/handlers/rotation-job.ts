import { z } from "zod";
import { aborted } from "../../core/aborted.ts";
import type { Clock } from "../../core/clock.ts";
import { type AgentError, FAULTS } from "../../core/errors.ts";
import type { Renewal } from "../../identity/renewal.ts";
import type { Journal } from "../../ports/journal.ts";
import type { AwsJobs } from "../aws-jobs.ts";
import { ExecutionMemory } from "../execution-memory.ts";
import { ended, type Job, type JobHandler, type JobOutcome, withdrawnBy } from "../job.ts";

/** Between two requests for a renewal, ms. */
const RETRY_MS = 60_000;

const rotationDocument = z.strictObject({ version: z.literal("1.0"), operation: z.literal("rotate-certificate") });

/** The certificate at the job's beginning, by its id. */
const begun = z.object({ from: z.string() });

export type RotationJobParts = {
  /** Undefined where the vehicle cannot renew its certificate. */
  readonly renewal: Pick<Renewal, "request" | "status" | "changed"> | undefined;
  /** The certificate in use, and whether no change of it is open. */
  readonly certificate: () => { readonly id: string; readonly isSettled: boolean };
  readonly jobs: Pick<AwsJobs, "describe">;
  readonly journal: Pick<Journal, "get" | "put">;
  readonly clock: Pick<Clock, "sleep">;
};
type Rotation = Pick<RotationJobParts, "certificate" | "clock"> & {
  readonly renewal: NonNullable<RotationJobParts["renewal"]>;
  readonly job: Job;
  readonly from: string;
  readonly isKnown: () => Promise<boolean>;
};

/**
 * The handler of `rotate-certificate` documents. The old key goes only when the jobs service has answered over the connection with the new
 * certificate. Which certificate was in use at the beginning is in the journal, so that after a restart it is known whether another one
 * is: a rotation that is complete is not done again, and one that is not is never called a success.
 */
export function rotationJob({ renewal, certificate, jobs, journal, clock }: RotationJobParts): JobHandler {
  const memory = new ExecutionMemory(journal, "rotation", begun);
  return async (document, job, signal) => {
    const problem = problemOfRotation(document, renewal);
    if (problem !== undefined || renewal === undefined) return ended("REJECTED", problem ?? "");
    const known = memory.of(job);
    const from = known?.from ?? certificate().id;
    if (known === undefined) memory.remember(job, { from });
    const isKnown = () => isAnswered(jobs, job, signal);
    return await rotate({ renewal, certificate, clock, job, from, isKnown }, signal);
  };
}

/** Why a `rotate-certificate` document would not be taken; undefined for one that would. */
export function problemOfRotation(document: unknown, renewal: RotationJobParts["renewal"]): string | undefined {
  if (!rotationDocument.safeParse(document).success) return "malformed: the document has members that are not known";
  return renewal === undefined ? "unsupported: the vehicle has no template to renew with" : undefined;
}

/** Until another certificate is in use and the old one is gone, or a fault that no patience mends. */
async function rotate(rotation: Rotation, signal: AbortSignal): Promise<JobOutcome | "stopped"> {
  const { certificate, job, from } = rotation;
  job.report({ phase: "rotate" });
  let fault: AgentError | undefined;
  while (!signal.aborted) {
    const { id, isSettled } = certificate();
    if (isSettled && id !== from) return done(id, from);
    if (job.withdrawn.aborted) return ended("FAILED", `cancelled ${withdrawnBy(job)}`);
    const renewed = await attempt(rotation, fault, signal);
    if (renewed === undefined) return "stopped";
    if (typeof renewed === "string") return done(renewed, from);
    fault = renewed;
    if (FAULTS[fault.code].retry !== "backoff") return ended("FAILED", failure(fault, certificate().isSettled));
    job.report({ phase: "rotate", waitingFor: fault.message });
    await pause(rotation, signal);
  }
  return "stopped";
}

/**
 * Gives the id of the new certificate, or why there is none; undefined when `signal` aborts before that. A change that is open after a
 * fault goes on by itself, with the patience of the renewal: none is requested then.
 */
async function attempt(
  { renewal, certificate, job, isKnown }: Rotation,
  fault: AgentError | undefined,
  signal: AbortSignal,
): Promise<string | AgentError | undefined> {
  if (fault !== undefined && !certificate().isSettled) return renewal.status().fault ?? fault;
  const request = { reason: `job ${job.jobId}`, confirm: isKnown };
  const outcome = await Promise.race([renewal.request(request), aborted(signal)]);
  if (outcome === undefined) return undefined;
  return outcome.kind === "failed" ? outcome.fault : outcome.certificateId;
}

/** A renewal that goes on by itself says when it has come further; when to request one again only time can tell. */
async function pause({ renewal, certificate, clock, job }: Rotation, signal: AbortSignal): Promise<void> {
  const either = AbortSignal.any([signal, job.withdrawn]);
  if (certificate().isSettled) await clock.sleep(RETRY_MS, either);
  else await renewal.changed(either);
}

/** Any answer of the service will do: it came over the connection with the new certificate. */
async function isAnswered(jobs: RotationJobParts["jobs"], job: Job, signal: AbortSignal): Promise<boolean> {
  const { kind } = await jobs.describe(job.jobId, job.executionNumber, signal);
  return kind === "accepted" || kind === "rejected";
}

function failure({ code, message }: AgentError, isSettled: boolean): string {
  return `${code}: ${message}${isSettled ? "" : "; the agent goes on trying by itself"}`;
}

function done(certificateId: string, from: string): JobOutcome {
  return { status: "SUCCEEDED", details: { certificateId, previousCertificateId: from } };
}
