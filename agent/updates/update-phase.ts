import { z } from "zod";
import { parseManifest } from "./trust/manifest.ts";
import type { UpdateRecord } from "./update-record.ts";
import type { UpdateStep } from "./update-state.ts";

/** A phase of an update as the journal keeps it until the outbox has it. Another version of the agent may have written more of it. */
export const pendingPhase = z.object({
  number: z.int().min(1),
  digest: z.string(),
  component: z.string(),
  versionFrom: z.string(),
  versionTo: z.string(),
  phase: z.string(),
  reason: z.string(),
  detail: z.string(),
  job: z.string(),
  execution: z.int(),
  bytes: z.int(),
  totalBytes: z.int(),
  percent: z.int(),
  timeUs: z.int(),
});
export type PendingPhase = z.infer<typeof pendingPhase>;

/** What a phase says beside the record. */
export type PhaseFacts = {
  /** Counts all phases of the vehicle. */
  readonly number: number;
  /** The step before; undefined for the first of an update. */
  readonly before: UpdateStep | undefined;
  /** What has been fetched when a download ends, bytes. */
  readonly fetchedBytes: number;
  /** µs since the Unix epoch */
  readonly timeUs: number;
};

/** The phase that begins with the state of a record. */
export function phaseOf({ digest, request, versionFrom, state }: UpdateRecord, facts: PhaseFacts): PendingPhase {
  const { component, version: versionTo, artifacts } = parseManifest(request.manifest);
  const { number, before, fetchedBytes, timeUs } = facts;
  const { origin } = request;
  const totalBytes = artifacts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const bytes = state.step === "download" ? 0 : before === "download" ? fetchedBytes : totalBytes;
  return {
    number,
    digest,
    component,
    versionFrom,
    versionTo,
    phase: state.step,
    reason: state.failure?.reason ?? "",
    detail: state.failure?.detail ?? "",
    job: origin.kind === "job" ? origin.jobId : "",
    execution: origin.kind === "job" ? origin.executionNumber : 0,
    bytes,
    totalBytes,
    percent: Math.floor((100 * bytes) / totalBytes),
    timeUs,
  };
}
