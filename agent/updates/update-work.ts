import type { Clock } from "../core/clock.ts";
import type { ArtifactSource, Downloader, DownloadFolder, FetchedArtifact, Installer } from "../ports/update.ts";
import { type Artifact, type ArtifactKind, type ManifestVerdict, parseManifest } from "./trust/manifest.ts";
import type { RollbackIndexes } from "./trust/rollback-indexes.ts";
import type { UpdateRecord, UpdateRequest } from "./update-record.ts";
import type { UpdateFailure } from "./update-state.ts";
import type { StepOutcome } from "./updater.ts";

/** Between two looks at a gate that is closed, and at a health that is not proven yet, ms. */
export const POLL_MS = 1000;

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

export type UpdateStepParts = {
  readonly downloader: Downloader;
  readonly folder: DownloadFolder;
  readonly installers: Readonly<Partial<Record<ArtifactKind, Installer>>>;
  readonly hooks: UpdateHooks;
  readonly rollbackIndexes: RollbackIndexes;
  readonly clock: Pick<Clock, "sleep" | "monotonicMs">;
  readonly checks: {
    verify(request: UpdateRequest): ManifestVerdict;
    gate(): GateVerdict;
    /** Whether so many bytes may be fetched over the link that there is now. */
    link(bytes: number): Promise<GateVerdict>;
    health(): HealthVerdict;
    /** A fresh source for an artifact whose URL is refused; undefined when there is none, "later" when nobody could be asked. */
    renew(record: UpdateRecord, name: string, signal: AbortSignal): Promise<ArtifactSource | "later" | undefined>;
    /** Nobody is asked for longer than this, ms. */
    readonly giveUpMs: number;
    /** The system is started anew to go back after this time, whatever the gate says, ms. */
    readonly rollbackWithinMs: number;
    /** A new version must prove itself within this time, ms. */
    readonly healthTimeoutMs: number;
  };
};

/** One artifact of an update, with what installs it. */
export type ArtifactParts = {
  readonly artifact: Artifact;
  readonly fetched: FetchedArtifact;
  readonly installer: Installer;
};

/** The artifacts of an update, in the order of its manifest. */
export function partsOf(
  { digest, request }: UpdateRecord,
  { installers, folder }: UpdateStepParts,
): readonly ArtifactParts[] {
  return parseManifest(request.manifest).artifacts.map((artifact) => {
    const { name, version, sizeBytes, sha256, kind, handler } = artifact;
    const installer = installers[kind];
    // The manifest was judged with the kinds of these installers.
    if (installer === undefined) throw new Error(`no installer for ${kind}`);
    const fetched = { name, version, sizeBytes, sha256, handler, file: folder.fileOf(digest, name) };
    return { artifact, fetched, installer };
  });
}

/** Looks until it is open, and says meanwhile what for. Gives false when it was stopped first. */
export async function waitUntilOpen(
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
      await clock.sleep(POLL_MS, signal);
    }
    return false;
  } finally {
    progress.waitingFor = undefined;
  }
}

/** The step is done, and nothing must start anew for the next one. */
export function finished(): StepOutcome {
  return { kind: "finished", effect: "at-once" };
}

/** Why the update did not become the new version. */
export function failed(reason: UpdateFailure, detail: string): StepOutcome {
  return { kind: "failed", reason, detail };
}
