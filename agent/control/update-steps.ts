import type { Clock } from "../core/clock.ts";
import { AgentError, messageOf } from "../core/errors.ts";
import {
  type ArtifactSource,
  type Downloader,
  type DownloadFolder,
  type DownloadOutcome,
  type FetchedArtifact,
  INSTALL_EFFECTS,
  type InstallEffect,
  type Installer,
} from "../update-ports.ts";
import type { Floors } from "./floors.ts";
import { type Artifact, type ArtifactKind, type ManifestVerdict, parseManifest } from "./manifest.ts";
import type { UpdateRecord, UpdateRequest } from "./update-record.ts";
import type { UpdateFailure } from "./update-state.ts";
import type { StepOutcome, UpdateSteps } from "./updater.ts";

/** Between two looks at a gate that is closed, and at a health that is not proven yet, ms. */
const LOOK_MS = 1000;

/** Whether an update may be installed now; if not, what it waits for, for people. */
export type GateVerdict = { readonly kind: "open" } | { readonly kind: "closed"; readonly waitingFor: string };

/** Whether the running version is healthy; if not yet, what is missing, for people. */
export type HealthVerdict = { readonly kind: "healthy" } | { readonly kind: "unproven"; readonly missing: string };

/** What people and the cloud see of the step that works. */
export type UpdateProgress = {
  bytes: number;
  totalBytes: number;
  waitingFor: string | undefined;
};

/** The vehicle's own programs around an update, each within its time limit. Gives what went wrong, or undefined. May run again after a restart. */
export type UpdateHooks = {
  /** Before anything is installed: what fails keeps the update from being installed. */
  before(record: UpdateRecord, signal: AbortSignal): Promise<string | undefined>;
  /** When the new version is healthy, and before it is kept: what fails brings the old version back. */
  after(record: UpdateRecord, signal: AbortSignal): Promise<string | undefined>;
};

/** What the steps work with. */
export type UpdateStepParts = {
  readonly downloader: Downloader;
  readonly folder: DownloadFolder;
  readonly installers: Readonly<Partial<Record<ArtifactKind, Installer>>>;
  readonly hooks: UpdateHooks;
  readonly floors: Floors;
  readonly clock: Pick<Clock, "sleep" | "monotonicMs">;
  readonly judgement: {
    judge(request: UpdateRequest): ManifestVerdict;
    gate(): GateVerdict;
    /** Whether so many bytes may be fetched over the link that there is now. */
    link(bytes: number): Promise<GateVerdict>;
    health(): HealthVerdict;
    /** A fresh source for an artifact whose URL is refused; undefined when there is none. */
    renew(record: UpdateRecord, name: string, signal: AbortSignal): Promise<ArtifactSource | undefined>;
    /** A new version must prove itself within this time, ms. */
    readonly proveMs: number;
  };
};

/** The steps of an update, and what can be seen of the one that works. */
export function createUpdateSteps(parts: UpdateStepParts): {
  readonly steps: UpdateSteps;
  readonly progress: UpdateProgress;
} {
  const progress: UpdateProgress = { bytes: 0, totalBytes: 0, waitingFor: undefined };
  const steps: UpdateSteps = {
    download: (record, signal) => download(record, parts, progress, signal),
    verify: (record) => verify(record, parts),
    wait: (_record, signal) => wait(parts, progress, signal),
    install: (record, signal) => install(record, parts, signal),
    switch: (record) => activate(record, parts),
    prove: (record, signal) => prove(record, parts, progress, signal),
    commit: (record) => commit(record, parts),
    rollback: (record) => revert(record, parts),
  };
  return { steps, progress };
}

type Part = { readonly artifact: Artifact; readonly fetched: FetchedArtifact; readonly installer: Installer };

function partsOf({ digest, request }: UpdateRecord, { installers, folder }: UpdateStepParts): readonly Part[] {
  return parseManifest(request.manifest).artifacts.map((artifact) => {
    const { name, version, sizeBytes, sha256, kind, handler } = artifact;
    const installer = installers[kind];
    // The manifest was judged with the kinds of these installers.
    if (installer === undefined) throw new Error(`no installer for ${kind}`);
    const fetched = { name, version, sizeBytes, sha256, handler, file: folder.fileOf(digest, name) };
    return { artifact, fetched, installer };
  });
}

type Download = {
  readonly record: UpdateRecord;
  readonly parts: UpdateStepParts;
  readonly progress: UpdateProgress;
};

async function download(
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
  const { judgement, clock } = parts;
  return await untilOpen(() => judgement.link(progress.totalBytes), progress, clock, signal);
}

/** Aborts `pause` once the link must not be used. Ends when it is aborted. */
async function watchLink(
  { record, parts, progress }: Download,
  pause: AbortController,
  signal: AbortSignal,
): Promise<void> {
  if (isLocal(record)) return;
  const { judgement, clock } = parts;
  const ended = AbortSignal.any([signal, pause.signal]);
  while (!ended.aborted) {
    await clock.sleep(LOOK_MS, ended);
    if (!ended.aborted && (await judgement.link(progress.totalBytes)).kind === "closed") pause.abort();
  }
}

/** Looks until it is open, and says meanwhile what for. Gives false when it was stopped first. */
async function untilOpen(
  look: () => GateVerdict | Promise<GateVerdict>,
  progress: UpdateProgress,
  clock: UpdateStepParts["clock"],
  signal: AbortSignal,
): Promise<boolean> {
  try {
    while (!signal.aborted) {
      const verdict = await look();
      if (verdict.kind === "open") return true;
      progress.waitingFor = verdict.waitingFor;
      await clock.sleep(LOOK_MS, signal);
    }
    return false;
  } finally {
    progress.waitingFor = undefined;
  }
}

async function fetchOne(
  { record, parts: { downloader, judgement } }: Download,
  fetched: FetchedArtifact,
  onProgress: (bytes: number) => void,
  signal: AbortSignal,
): Promise<StepOutcome> {
  let source: ArtifactSource | undefined = record.request.sources[fetched.name];
  let bytes = 0;
  let renewedAtBytes = -1;
  const count = (now: number): void => {
    bytes = now;
    onProgress(now);
  };
  while (source !== undefined) {
    const outcome = await downloader.download(source, fetched, count, signal);
    if (outcome.kind !== "denied") return downloadOutcome(outcome);
    // A fresh URL that is refused before it has given a byte will not be the last.
    if (bytes === renewedAtBytes) return failed("download-failed", outcome.detail);
    renewedAtBytes = bytes;
    source = await judgement.renew(record, fetched.name, signal);
    if (source === undefined && !signal.aborted) return failed("download-failed", outcome.detail);
  }
  return signal.aborted ? { kind: "stopped" } : failed("download-failed", `${fetched.name}: no source is given`);
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

/** Days may have passed since the update was asked for: all is judged again. */
async function verify(record: UpdateRecord, parts: UpdateStepParts): Promise<StepOutcome> {
  const verdict = parts.judgement.judge(record.request);
  if (verdict.kind === "refused") return failed("refused", `${verdict.reason}: ${verdict.detail}`);
  for (const { fetched } of partsOf(record, parts)) {
    const found = await parts.folder.digestOf(fetched.file);
    if (found !== fetched.sha256) return failed("tampered", `${fetched.name}: SHA-256 is ${found ?? "not to be had"}`);
  }
  return finished();
}

async function wait(
  { judgement, clock }: UpdateStepParts,
  progress: UpdateProgress,
  signal: AbortSignal,
): Promise<StepOutcome> {
  const isOpen = await untilOpen(() => judgement.gate(), progress, clock, signal);
  return isOpen ? finished() : { kind: "stopped" };
}

async function install(record: UpdateRecord, parts: UpdateStepParts, signal: AbortSignal): Promise<StepOutcome> {
  const problem = await parts.hooks.before(record, signal);
  if (signal.aborted) return { kind: "stopped" };
  if (problem !== undefined) return failed("hook-failed", problem);
  try {
    for (const { fetched, installer } of partsOf(record, parts)) await installer.stage(fetched, signal);
    return finished();
  } catch (thrown) {
    return signal.aborted ? { kind: "stopped" } : failed("install-failed", expected(thrown));
  }
}

/** A version that the supervisor has put back before the switch was noted must not get another trial. */
async function activate(record: UpdateRecord, parts: UpdateStepParts): Promise<StepOutcome> {
  const all = partsOf(record, parts);
  try {
    const wentBack = await supervisorWentBack(all);
    if (wentBack !== undefined) return wentBack;
    const effects: InstallEffect[] = [];
    for (const { fetched, installer } of all) effects.push(await installer.activate(fetched));
    return { kind: "finished", effect: strongest(effects) };
  } catch (thrown) {
    return failed("install-failed", expected(thrown));
  }
}

async function prove(
  record: UpdateRecord,
  parts: UpdateStepParts,
  progress: UpdateProgress,
  signal: AbortSignal,
): Promise<StepOutcome> {
  const { clock, judgement } = parts;
  const early = await trialOutcome(partsOf(record, parts)).catch((thrown: unknown) =>
    failed("install-failed", expected(thrown)),
  );
  if (early !== undefined) return early;
  const endMs = clock.monotonicMs() + judgement.proveMs;
  try {
    while (!signal.aborted) {
      const health = judgement.health();
      if (health.kind === "healthy") return await afterwards(record, parts, signal);
      if (clock.monotonicMs() >= endMs) return failed("not-proven", health.missing);
      progress.waitingFor = health.missing;
      await clock.sleep(LOOK_MS, signal);
    }
    return { kind: "stopped" };
  } finally {
    progress.waitingFor = undefined;
  }
}

/** What stands against a proof; undefined when every part runs. */
async function trialOutcome(all: readonly Part[]): Promise<StepOutcome | undefined> {
  const wentBack = await supervisorWentBack(all);
  if (wentBack !== undefined) return wentBack;
  for (const { artifact, fetched, installer } of all) {
    const { kind } = await installer.trial(fetched);
    if (kind === "none") return failed("not-proven", `${artifact.name} is not what runs`);
    if (kind === "pending") return { kind: "postponed" };
  }
  return undefined;
}

async function afterwards(record: UpdateRecord, parts: UpdateStepParts, signal: AbortSignal): Promise<StepOutcome> {
  const problem = await parts.hooks.after(record, signal);
  if (signal.aborted) return { kind: "stopped" };
  return problem === undefined ? finished() : failed("hook-failed", problem);
}

/** The trial ends before the floor rises: until both are done no other update is taken, so nothing older can slip in between. */
async function commit(record: UpdateRecord, parts: UpdateStepParts): Promise<StepOutcome> {
  const all = partsOf(record, parts);
  try {
    const wentBack = await supervisorWentBack(all);
    if (wentBack !== undefined) return wentBack;
    for (const { fetched, installer } of all) await installer.keep(fetched);
    const { line, counter } = parseManifest(record.request.manifest);
    await parts.floors.raise({ line, counter, digest: record.digest });
    await parts.folder.clear();
    return finished();
  } catch (thrown) {
    return failed("install-failed", expected(thrown));
  }
}

async function supervisorWentBack(all: readonly Part[]): Promise<StepOutcome | undefined> {
  for (const { fetched, installer } of all) {
    const trial = await installer.trial(fetched);
    if (trial.kind === "went-back") return failed("supervisor-went-back", trial.detail);
  }
  return undefined;
}

async function revert(record: UpdateRecord, parts: UpdateStepParts): Promise<StepOutcome> {
  try {
    const effects: InstallEffect[] = [];
    for (const { fetched, installer } of partsOf(record, parts).toReversed())
      effects.push(await installer.revert(fetched));
    await parts.folder.clear();
    return { kind: "finished", effect: strongest(effects) };
  } catch (thrown) {
    return failed("install-failed", expected(thrown));
  }
}

function strongest(effects: readonly InstallEffect[]): InstallEffect {
  return INSTALL_EFFECTS.findLast((effect) => effects.includes(effect)) ?? "at-once";
}

function finished(): StepOutcome {
  return { kind: "finished", effect: "at-once" };
}

function failed(reason: UpdateFailure, detail: string): StepOutcome {
  return { kind: "failed", reason, detail };
}

/** What disks and archives do wrong is an outcome; anything without a code of the system or of ours is a bug. */
function expected(thrown: unknown): string {
  const isOfSystem = thrown instanceof Error && "code" in thrown && typeof thrown.code === "string";
  if (thrown instanceof AgentError || isOfSystem) return messageOf(thrown);
  throw thrown;
}
