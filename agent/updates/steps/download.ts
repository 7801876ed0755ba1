import type { ArtifactSource, DownloadOutcome, FetchedArtifact } from "../../ports/update.ts";
import { freshSource } from "../download/fresh-source.ts";
import { whileLinkAllows } from "../download/link-policy.ts";
import { FINISHED, failed, STOPPED, type StepOutcome } from "../step-outcome.ts";
import type { StepContext } from "../step-parts.ts";
import type { UpdateRecord } from "../update-record.ts";
import { artifactsOf } from "./artifacts.ts";

/** A URL that is refused within this time was not refused for its age: presigned ones live a minute at least (AWS IoT Jobs, presignedUrlConfig). */
const FRESH_MS = 60_000;

type Outcome = StepOutcome<"download">;

/** The step `download`: fetches what is missing of each artifact, over a link that may be used. What lies on the vehicle's own disk costs nothing. */
export async function download(record: UpdateRecord, parts: StepContext, signal: AbortSignal): Promise<Outcome> {
  const { progress, checks, clock } = parts;
  const all = artifactsOf(record, parts);
  progress.totalBytes = all.reduce((sum, { artifact }) => sum + artifact.sizeBytes, 0);
  const isLocal = Object.values(record.request.sources).every(({ kind }) => kind === "file");
  const policy = { link: () => checks.link(progress.totalBytes), progress, clock };
  let earlierBytes = 0;
  for (const { fetched } of all) {
    const fetch = (until: AbortSignal): Promise<Outcome> => fetchArtifact(record, parts, fetched, earlierBytes, until);
    const outcome = isLocal ? await fetch(signal) : await whileLinkAllows(policy, fetch, signal);
    if (outcome.kind !== "finished") return outcome;
    earlierBytes += fetched.sizeBytes;
  }
  return FINISHED;
}

/** One artifact, from its source or a fresh one when that is refused. `earlierBytes` are those of the artifacts before it. */
async function fetchArtifact(
  record: UpdateRecord,
  parts: StepContext,
  fetched: FetchedArtifact,
  earlierBytes: number,
  signal: AbortSignal,
): Promise<Outcome> {
  const { downloader, progress, clock } = parts;
  let source: ArtifactSource | undefined = record.request.sources[fetched.name];
  let bytes = 0;
  let renewed = { atBytes: -1, atMs: 0 };
  const onProgress = (now: number): void => {
    bytes = now;
    progress.bytes = earlierBytes + now;
  };
  while (source !== undefined) {
    const outcome = await downloader.download(source, fetched, onProgress, signal);
    if (outcome.kind !== "denied") return outcomeOf(outcome);
    // A fresh URL that is refused before it has given a byte will not be the last; one that had time to expire may be.
    const isFresh = clock.monotonicMs() - renewed.atMs < FRESH_MS;
    if (bytes === renewed.atBytes && isFresh) return failed("download-failed", outcome.detail);
    source = await freshSource(record, parts, fetched.name, signal);
    renewed = { atBytes: bytes, atMs: clock.monotonicMs() };
    if (source === undefined && !signal.aborted) return failed("download-failed", outcome.detail);
  }
  return signal.aborted ? STOPPED : failed("download-failed", `${fetched.name}: no source is given`);
}

function outcomeOf(outcome: Exclude<DownloadOutcome, { kind: "denied" }>): Outcome {
  switch (outcome.kind) {
    case "complete":
      return FINISHED;
    case "stopped":
      return STOPPED;
    case "failed":
      return failed("download-failed", outcome.detail);
    case "tampered":
    case "no-space":
      return failed(outcome.kind, outcome.detail);
  }
}
