import type { Clock } from "../core/clock.ts";
import type { ArtifactSource, Downloader, DownloadFolder, Installer } from "../ports/update.ts";
import type { GateVerdict } from "./gate-wait.ts";
import type { ArtifactKind, ManifestVerdict } from "./trust/manifest.ts";
import type { RollbackIndexes } from "./trust/rollback-indexes.ts";
import type { UpdateProgress } from "./update-progress.ts";
import type { UpdateRecord, UpdateRequest } from "./update-record.ts";

/** Whether the running version is healthy; if not yet, what is missing, for people. */
export type HealthVerdict = { readonly kind: "healthy" } | { readonly kind: "unhealthy"; readonly missing: string };

/** The vehicle's own programs around an update, each within its time limit. Gives what went wrong, or undefined. May run again after a restart. */
export type UpdateHooks = {
  /** Before anything is installed: what fails keeps the update from being installed. */
  before(record: UpdateRecord, signal: AbortSignal): Promise<string | undefined>;
  /** When the new version is healthy, and before it is committed: what fails brings the old version back. */
  after(record: UpdateRecord, signal: AbortSignal): Promise<string | undefined>;
};

/** What the vehicle and its owner say of an update while it goes on, and how long it waits for that. */
export type UpdateChecks = {
  verify(request: UpdateRequest): ManifestVerdict;
  gate(): GateVerdict;
  /** Whether so many bytes may be fetched over the link that there is now. */
  link(bytes: number): Promise<GateVerdict>;
  health(): HealthVerdict;
  /** A fresh source for an artifact whose URL is refused; undefined when there is none, "later" when nobody could be asked. */
  renew(record: UpdateRecord, name: string, signal: AbortSignal): Promise<ArtifactSource | "later" | undefined>;
  /** Nobody is asked for a fresh source for longer than this, ms. */
  readonly giveUpMs: number;
  /** The system is started anew to go back after this time, whatever the gate says, ms. */
  readonly rollbackWithinMs: number;
  /** A new version must be healthy within this time, ms. */
  readonly healthTimeoutMs: number;
};

/** What the steps work with. */
export type UpdateStepParts = {
  readonly downloader: Downloader;
  readonly folder: DownloadFolder;
  readonly installers: Readonly<Partial<Record<ArtifactKind, Installer>>>;
  readonly hooks: UpdateHooks;
  readonly rollbackIndexes: RollbackIndexes;
  readonly checks: UpdateChecks;
  readonly clock: Pick<Clock, "sleep" | "monotonicMs">;
};

/** The same, with what people see of the step that works. */
export type StepContext = UpdateStepParts & { readonly progress: UpdateProgress };
