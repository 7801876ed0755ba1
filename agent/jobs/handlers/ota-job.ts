import { z } from "zod";
import { isRetryable } from "../../cloud/request-client.ts";
import type { Clock } from "../../core/clock.ts";
import { issueText } from "../../core/issue-text.ts";
import type { ArtifactSource } from "../../ports/update.ts";
import { parseManifest } from "../../updates/trust/manifest.ts";
import { streamFile, type UpdateRecord } from "../../updates/update-record.ts";
import { isSettled, type UpdateStep } from "../../updates/update-state.ts";
import { type UpdateVerifier, updateOrder } from "../../updates/update-verifier.ts";
import type { UpdateProgress } from "../../updates/update-work.ts";
import type { Updater } from "../../updates/updater.ts";
import { type AwsJobs, documentOf } from "../aws-jobs.ts";
import {
  type ExecutionId,
  isSameExecution,
  type Job,
  type JobHandler,
  type JobOutcome,
  withdrawnBy,
} from "../job-runner.ts";

/** How often the update is looked at, ms. */
const POLL_MS = 1000;

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

/** What the handler of updates works with. */
export type OtaJobParts = {
  readonly verifier: UpdateVerifier;
  readonly updater: Updater;
  readonly progress: UpdateProgress;
  readonly clock: Pick<Clock, "sleep">;
};

/** The handler of `ota` documents: hands the update in, follows it, and goes on following it after any restart. */
export function otaJob(parts: OtaJobParts): JobHandler {
  const { verifier, updater, clock } = parts;
  return async (document, job, signal) => {
    while (!signal.aborted && !job.withdrawn.aborted) {
      const running = updater.current();
      if (running !== undefined && isOf(running, job)) return await follow(parts, job, signal);
      if (running === undefined || isSettled(running.state)) {
        const refusal = await begin(document, job, verifier, updater);
        if (refusal !== undefined) return refusal;
        continue;
      }
      job.report({ phase: "queued", reason: "another update is under way" });
      await clock.sleep(POLL_MS, AbortSignal.any([signal, job.withdrawn]));
    }
    return signal.aborted ? "stopped" : ended("FAILED", { reason: `cancelled ${withdrawnBy(job)}` });
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
  const parsed = otaDocument.safeParse(documentOf(reply.body.execution));
  const place = parsed.data?.artifacts[name];
  const url = place !== undefined && "url" in place ? place.url : undefined;
  const earlier = request.sources[name];
  // The same URL would be refused again.
  if (url === undefined || (earlier?.kind === "url" && earlier.url === url)) return undefined;
  return { kind: "url", url };
}

/** Why an `ota` document would not be taken now; undefined for one that would. */
export function problemOfOta(document: unknown, verifier: UpdateVerifier): string | undefined {
  const parsed = otaDocument.safeParse(document);
  if (!parsed.success) return `malformed: ${issueText(parsed.error)}`;
  const verdict = verifier.verify(parsed.data);
  return verdict.kind === "refused" ? `${verdict.reason}: ${verdict.detail}` : undefined;
}

async function begin(
  document: unknown,
  job: Job,
  verifier: UpdateVerifier,
  updater: Updater,
): Promise<JobOutcome | undefined> {
  const parsed = otaDocument.safeParse(document);
  if (!parsed.success) return ended("REJECTED", { reason: `malformed: ${issueText(parsed.error)}` });
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
      return ended("SUCCEEDED", { reason: "installed already", versionTo: verdict.manifest.version });
    case "refused":
      return ended("REJECTED", { reason: `${verdict.reason}: ${verdict.detail}` });
  }
}

function sourceOf(place: z.infer<typeof otaDocument>["artifacts"][string]): ArtifactSource {
  return "url" in place ? { kind: "url", url: place.url } : { kind: "stream", ...place.stream };
}

async function follow(parts: OtaJobParts, job: Job, signal: AbortSignal): Promise<JobOutcome | "stopped"> {
  const { updater, progress, clock } = parts;
  while (!signal.aborted) {
    const record = updater.current();
    if (record === undefined || !isOf(record, job)) return ended("FAILED", { reason: "another update took its place" });
    const { step, failure } = record.state;
    const versions = { versionFrom: record.versionFrom, versionTo: parseManifest(record.request.manifest).version };
    if (step === "done") return ended("SUCCEEDED", { phase: step, ...versions });
    if (step === "failed") {
      return ended("FAILED", { phase: step, reason: `${failure?.reason}: ${failure?.detail}`, ...versions });
    }
    if (job.withdrawn.aborted) {
      updater.cancel(job.withdrawn.reason === "timed-out" ? "timed-out" : "cancelled", withdrawnBy(job));
    }
    job.report({ phase: step, ...versions, ...shown(step, progress) });
    await clock.sleep(POLL_MS, signal);
  }
  return "stopped";
}

/** Amounts while it downloads, and what it waits for. */
function shown(step: UpdateStep, { bytes, totalBytes, waitingFor }: UpdateProgress): Readonly<Record<string, string>> {
  if (step !== "download" || waitingFor !== undefined) return waitingFor === undefined ? {} : { waitingFor };
  const percent = totalBytes === 0 ? 0 : Math.floor((100 * bytes) / totalBytes);
  return { percent: String(percent), bytes: String(bytes), totalBytes: String(totalBytes) };
}

/** Whether an update was asked for by this execution. */
export function isOf({ request: { origin } }: UpdateRecord, job: ExecutionId): boolean {
  return origin.kind === "job" && isSameExecution(origin, job);
}

function ended(status: JobOutcome["status"], details: Readonly<Record<string, string>>): JobOutcome {
  return { status, details };
}
