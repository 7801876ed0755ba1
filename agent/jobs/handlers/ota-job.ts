import { z } from "zod";
import { isRetryable } from "../../cloud/request-client.ts";
import { issueText } from "../../core/issue-text.ts";
import type { ArtifactSource } from "../../ports/update.ts";
import { parseManifest } from "../../updates/trust/manifest.ts";
import type { UpdateProgress } from "../../updates/update-progress.ts";
import { streamFile, type UpdateRecord } from "../../updates/update-record.ts";
import { isSettled, type UpdateStep } from "../../updates/update-state.ts";
import { type UpdateVerifier, updateOrder } from "../../updates/update-verifier.ts";
import type { Updater } from "../../updates/updater.ts";
import { type AwsJobs, documentOf, type JobExecution } from "../aws-jobs.ts";
import {
  type ExecutionId,
  ended,
  isSameExecution,
  type Job,
  type JobDetails,
  type JobHandler,
  type JobOutcome,
  withdrawnBy,
} from "../job.ts";

/** The document of an update: the manifest with its signatures as they are, and where each artifact is. */
const otaDocument = z.strictObject({
  version: z.literal("1.0"),
  operation: z.literal("ota"),
  manifest: updateOrder.shape.manifest,
  signatures: updateOrder.shape.signatures,
  roots: updateOrder.shape.roots,
  artifacts: z.record(
    z.string(),
    z.union([
      z.strictObject({ url: z.url({ protocol: /^https$/ }).max(8192) }),
      z.strictObject({ stream: streamFile }),
    ]),
  ),
});

export type OtaJobParts = {
  readonly verifier: UpdateVerifier;
  readonly updater: Updater;
  readonly progress: UpdateProgress;
};

/** The handler of `ota` documents: hands the update in, follows it, and goes on following it after any restart. */
export function otaJob(parts: OtaJobParts): JobHandler {
  const { verifier, updater } = parts;
  return async (document, job, signal) => {
    while (!signal.aborted && !job.withdrawn.aborted) {
      const running = updater.current();
      if (running !== undefined && isOf(running, job)) return await follow(parts, job, signal);
      if (running === undefined || isSettled(running.state)) {
        const rejection = await begin(document, job, verifier, updater);
        if (rejection !== undefined) return rejection;
        continue;
      }
      job.report({ phase: "queued", reason: "another update is under way" });
      await updater.changed(AbortSignal.any([signal, job.withdrawn]));
    }
    return signal.aborted ? "stopped" : ended("FAILED", `cancelled ${withdrawnBy(job)}`);
  };
}

/** Fresh sources of a job's artifact: its presigned URLs are made anew whenever the job is described. "later" when the service does not answer. */
export async function renewSource(
  jobs: Pick<AwsJobs, "describe">,
  { request }: UpdateRecord,
  name: string,
  signal: AbortSignal,
): Promise<ArtifactSource | "later" | undefined> {
  const { origin } = request;
  if (origin.kind !== "job") return undefined;
  const reply = await jobs.describe(origin.jobId, origin.executionNumber, signal);
  if (isRetryable(reply)) return "later";
  if (reply.kind !== "accepted" || reply.body.execution === undefined) return undefined;
  const url = urlIn(reply.body.execution, name);
  const earlier = request.sources[name];
  // The same URL would be refused again.
  const isSame = earlier?.kind === "url" && earlier.url === url;
  return url === undefined || isSame ? undefined : { kind: "url", url };
}

/** Where the document of an execution says that an artifact is; undefined for a stream, and for a document of another kind. */
function urlIn(execution: JobExecution, name: string): string | undefined {
  const place = otaDocument.safeParse(documentOf(execution)).data?.artifacts[name];
  return place !== undefined && "url" in place ? place.url : undefined;
}

/** Why an `ota` document would not be taken now; undefined for one that would. */
export function problemOfOta(document: unknown, verifier: UpdateVerifier): string | undefined {
  const parsed = otaDocument.safeParse(document);
  if (!parsed.success) return `malformed: ${issueText(parsed.error)}`;
  const verdict = verifier.verify(parsed.data);
  return verdict.kind === "rejected" ? `${verdict.reason}: ${verdict.detail}` : undefined;
}

/** Hands the update in. Gives the outcome of a job that is over with that; undefined when the update was begun, or another one came first. */
async function begin(
  document: unknown,
  job: Job,
  verifier: UpdateVerifier,
  updater: Updater,
): Promise<JobOutcome | undefined> {
  const parsed = otaDocument.safeParse(document);
  if (!parsed.success) return ended("REJECTED", `malformed: ${issueText(parsed.error)}`);
  const { manifest, signatures, roots, artifacts } = parsed.data;
  const sources = Object.entries(artifacts).map(([name, place]) => [name, sourceOf(place)] as const);
  const origin = { kind: "job", jobId: job.jobId, executionNumber: job.executionNumber } as const;
  const verdict = await verifier.order(
    { origin, manifest, signatures, roots, sources: Object.fromEntries(sources) },
    updater,
  );
  if (verdict === "busy") return undefined;
  switch (verdict.kind) {
    case "accepted":
      return undefined;
    case "installed":
      return {
        status: "SUCCEEDED",
        details: { reason: "installed already", versionTo: verdict.manifest.version },
      };
    case "rejected":
      return ended("REJECTED", `${verdict.reason}: ${verdict.detail}`);
  }
}

function sourceOf(place: z.infer<typeof otaDocument>["artifacts"][string]): ArtifactSource {
  return "url" in place ? { kind: "url", url: place.url } : { kind: "stream", ...place.stream };
}

/** Until the update is over. A job that is withdrawn gives the update up, and ends as the update does. */
async function follow(parts: OtaJobParts, job: Job, signal: AbortSignal): Promise<JobOutcome | "stopped"> {
  const { updater, progress } = parts;
  while (!signal.aborted) {
    const record = updater.current();
    if (record === undefined || !isOf(record, job)) return ended("FAILED", "another update took its place");
    const { step } = record.state;
    const versions = { versionFrom: record.versionFrom, versionTo: parseManifest(record.request.manifest).version };
    const outcome = outcomeOf(record, versions);
    if (outcome !== undefined) return outcome;
    job.reportFrom(() => ({ phase: step, ...versions, ...shown(step, progress) }));
    const isWithdrawn = job.withdrawn.aborted;
    const change = updater.changed(isWithdrawn ? signal : AbortSignal.any([signal, job.withdrawn]));
    if (isWithdrawn) {
      updater.cancel(job.withdrawn.reason === "timed-out" ? "timed-out" : "cancelled", withdrawnBy(job));
    }
    await change;
  }
  return "stopped";
}

/** How the job of this update has ended; undefined while it goes on. */
function outcomeOf({ state: { step, failure } }: UpdateRecord, versions: JobDetails): JobOutcome | undefined {
  if (step === "done") return { status: "SUCCEEDED", details: { phase: step, ...versions } };
  if (step !== "failed") return undefined;
  return { status: "FAILED", details: { phase: step, reason: `${failure?.reason}: ${failure?.detail}`, ...versions } };
}

/** Amounts while it downloads, and what it waits for. */
function shown(step: UpdateStep, { bytes, totalBytes, waitingFor }: UpdateProgress): JobDetails {
  if (step !== "download" || waitingFor !== undefined) return waitingFor === undefined ? {} : { waitingFor };
  const percent = totalBytes === 0 ? 0 : Math.floor((100 * bytes) / totalBytes);
  return { percent: String(percent), bytes: String(bytes), totalBytes: String(totalBytes) };
}

/** Whether an update was asked for by this execution. */
export function isOf({ request: { origin } }: UpdateRecord, job: ExecutionId): boolean {
  return origin.kind === "job" && isSameExecution(origin, job);
}
