import { type BackoffBounds, backoffMs } from "../../core/backoff.ts";
import type { ArtifactSource, DownloadOutcome, FetchedArtifact } from "../../ports/update.ts";
import type { UpdateRecord } from "../update-record.ts";
import {
  failed,
  finished,
  POLL_MS,
  partsOf,
  type UpdateProgress,
  type UpdateStepParts,
  waitUntilOpen,
} from "../update-work.ts";
import type { StepOutcome } from "../updater.ts";

/** A URL that is refused within this time was not refused for its age: presigned ones live a minute at least (AWS IoT Jobs, presignedUrlConfig). */
const FRESH_MS = 60_000;
/** Between two times that a fresh URL is asked for. */
const ASK: BackoffBounds = { minMs: 1000, maxMs: 60_000 };

type Download = {
  readonly record: UpdateRecord;
  readonly parts: UpdateStepParts;
  readonly progress: UpdateProgress;
};

/** The step `download`: fetches what is missing of each artifact. */
export async function download(
  record: UpdateRecord,
  parts: UpdateStepParts,
  progress: UpdateProgress,
  signal: AbortSignal,
): Promise<StepOutcome> {
  const all = partsOf(record, parts);
  progress.totalBytes = all.reduce((sum, { artifact }) => sum + artifact.sizeBytes, 0);
  let earlierBytes = 0;
  for (const { fetched } of all) {
    const onProgress = (bytes: number): void => {
      progress.bytes = earlierBytes + bytes;
    };
    const outcome = await downloadOne({ record, parts, progress }, fetched, onProgress, signal);
    if (outcome.kind !== "finished") return outcome;
    earlierBytes += fetched.sizeBytes;
  }
  return finished();
}

/** Fetches while the link is one that may be used: pauses when it no longer is, and then goes on with what is missing. */
async function downloadOne(
  work: Download,
  fetched: FetchedArtifact,
  onProgress: (bytes: number) => void,
  signal: AbortSignal,
): Promise<StepOutcome> {
  while (await linkAllows(work, signal)) {
    const pause = new AbortController();
    const watching = watchLink(work, pause, signal);
    try {
      const outcome = await fetchOne(work, fetched, onProgress, AbortSignal.any([signal, pause.signal]));
      if (outcome.kind !== "stopped") return outcome;
    } finally {
      pause.abort();
      await watching;
    }
  }
  return { kind: "stopped" };
}

/** What lies on the vehicle's own disk costs nothing. */
function isLocal({ request }: UpdateRecord): boolean {
  return Object.values(request.sources).every(({ kind }) => kind === "file");
}

/** Waits for a link that may be used. Gives false when it was stopped first. */
async function linkAllows({ record, parts, progress }: Download, signal: AbortSignal): Promise<boolean> {
  if (isLocal(record)) return !signal.aborted;
  const { checks, clock } = parts;
  return await waitUntilOpen(() => checks.link(progress.totalBytes), progress, clock, signal);
}

/** Aborts `pause` once the link must not be used. Ends when it is aborted. */
async function watchLink(
  { record, parts, progress }: Download,
  pause: AbortController,
  signal: AbortSignal,
): Promise<void> {
  if (isLocal(record)) return;
  const { checks, clock } = parts;
  const ended = AbortSignal.any([signal, pause.signal]);
  while (!ended.aborted) {
    await clock.sleep(POLL_MS, ended);
    if (!ended.aborted && (await checks.link(progress.totalBytes)).kind === "closed") pause.abort();
  }
}

async function fetchOne(
  work: Download,
  fetched: FetchedArtifact,
  onProgress: (bytes: number) => void,
  signal: AbortSignal,
): Promise<StepOutcome> {
  const { record, parts } = work;
  const { downloader, clock } = parts;
  let source: ArtifactSource | undefined = record.request.sources[fetched.name];
  let bytes = 0;
  let renewed = { atBytes: -1, atMs: 0 };
  const count = (now: number): void => {
    bytes = now;
    onProgress(now);
  };
  while (source !== undefined) {
    const outcome = await downloader.download(source, fetched, count, signal);
    if (outcome.kind !== "denied") return downloadOutcome(outcome);
    // A fresh URL that is refused before it has given a byte will not be the last; one that had time to expire may be.
    const isFresh = clock.monotonicMs() - renewed.atMs < FRESH_MS;
    if (bytes === renewed.atBytes && isFresh) return failed("download-failed", outcome.detail);
    source = await renewedSource(work, fetched.name, signal);
    renewed = { atBytes: bytes, atMs: clock.monotonicMs() };
    if (source === undefined && !signal.aborted) return failed("download-failed", outcome.detail);
  }
  return signal.aborted ? { kind: "stopped" } : failed("download-failed", `${fetched.name}: no source is given`);
}

/** Asks for a fresh source until somebody answers: a URL may expire while there is no link to those who make them. */
async function renewedSource(
  { record, parts, progress }: Download,
  name: string,
  signal: AbortSignal,
): Promise<ArtifactSource | undefined> {
  const { checks, clock } = parts;
  const endMs = clock.monotonicMs() + checks.giveUpMs;
  try {
    for (let tries = 0; !signal.aborted && clock.monotonicMs() < endMs; tries++) {
      const source = await checks.renew(record, name, signal);
      if (source !== "later") return source;
      progress.waitingFor = `a fresh URL for ${name}: the jobs service does not answer`;
      await clock.sleep(backoffMs(tries, ASK), signal);
    }
    return undefined;
  } finally {
    progress.waitingFor = undefined;
  }
}

function downloadOutcome(outcome: Exclude<DownloadOutcome, { kind: "denied" }>): StepOutcome {
  switch (outcome.kind) {
    case "complete":
      return finished();
    case "stopped":
      return { kind: "stopped" };
    case "failed":
      return failed("download-failed", outcome.detail);
    case "tampered":
    case "no-space":
      return failed(outcome.kind, outcome.detail);
  }
}
