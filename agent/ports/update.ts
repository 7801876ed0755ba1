/** One artifact of an update: a file that has been fetched, and what its manifest says of it. */
export type FetchedArtifact = {
  readonly name: string;
  readonly version: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** Where the bytes are. */
  readonly file: string;
  /** The program of the vehicle's own list that installs it; undefined for kinds that need none. */
  readonly handler?: string | undefined;
};

/** "restart": it holds from the next start of the process on; "reboot": from the next start of the system on. */
export const INSTALL_EFFECTS = ["at-once", "restart", "reboot"] as const;
export type InstallEffect = (typeof INSTALL_EFFECTS)[number];

/**
 * What a trial of a new version has come to. "none": there is none; "pending": the system has not been started with it yet; "runs": the new
 * version is the one that runs; "rolled-back": the supervisor has put the old one back.
 */
export type TrialStatus =
  | { readonly kind: "none" }
  | { readonly kind: "pending" }
  | { readonly kind: "runs" }
  | { readonly kind: "rolled-back"; readonly detail: string };

/**
 * Puts artifacts of one kind in place. Every call may be repeated after a crash at any moment of an earlier one, and what it did
 * survives a power cut once it has returned. Rejects with `update.unfit` for an artifact that must not be installed, with
 * `update.installer-failed` when a program or service that does it fails, and with the system's error for what may pass.
 */
export interface Installer {
  /** Unpacks and checks, the size and SHA-256 of the file included. What is installed is not touched. */
  stage(artifact: FetchedArtifact, signal: AbortSignal): Promise<void>;
  /** Makes what is staged the installed version, on trial where it needs a start to prove itself. */
  activate(artifact: FetchedArtifact): Promise<InstallEffect>;
  trial(artifact: FetchedArtifact): Promise<TrialStatus>;
  /** The version has proven itself: the trial ends, and what is older than the one before it goes. */
  commit(artifact: FetchedArtifact): Promise<void>;
  /** The version before `activate` is the installed one again. What was staged is removed, unless it is what runs. */
  rollback(artifact: FetchedArtifact): Promise<InstallEffect>;
}

/** Settings above the vehicle's own files: all of them or none, on trial until they are kept. What a call did survives a power cut; each may be repeated. */
export interface ConfigSlot {
  /** Those that this process works with, on trial or kept; none at all where there are none, or where they cannot be read. */
  settings(): Readonly<Record<string, unknown>>;
  /** What is wrong with them; nothing is written that stays. */
  check(settings: Readonly<Record<string, unknown>>): Promise<string | undefined>;
  /** Checks and writes them; they are not in use yet. `problem` says what is wrong with them: nothing is left then. */
  stage(
    settings: Readonly<Record<string, unknown>>,
  ): Promise<{ readonly name: string; readonly problem: string | undefined }>;
  /** Whether this process works with them, and they are kept. */
  running(name: string): boolean;
  activate(name: string): InstallEffect;
  trial(name: string): TrialStatus;
  commit(name: string): void;
  rollback(name: string): InstallEffect;
}

/** A number outside the disk that only ever rises, by one. Each call rejects with a fault `identity.*` when it cannot be reached. */
export interface MonotonicCounter {
  /** Undefined while it was never made. */
  read(): Promise<number | undefined>;
  define(): Promise<void>;
  advance(): Promise<void>;
}

/** RAUC, which writes whole systems to slots (its D-Bus API, de.pengutronix.rauc.Installer). Each call rejects with `update.installer-failed`. */
export interface Rauc {
  /** The slot that the system was started from. */
  bootSlot(): Promise<string>;
  /** Checks the bundle's own signature and writes it to the slot that does not run. Resolves when that is complete. */
  install(file: string): Promise<void>;
  /** "other" is the slot that does not run. */
  mark(state: "good" | "bad" | "active", slot: "booted" | "other"): Promise<void>;
}

/** Where an artifact is fetched from. A URL may hold a signature that expires: it is never logged. */
export type ArtifactSource =
  | { readonly kind: "url"; readonly url: string }
  | { readonly kind: "file"; readonly path: string }
  | StreamSource;

/** A file of a stream over MQTT. */
export type StreamSource = { readonly kind: "stream"; readonly streamId: string; readonly fileId: number };

/** What was answered to a request for the rest of a file. */
export type RangeAnswer =
  /**
   * The bytes from `offset` on: what was asked for, or 0 where the whole file comes all the same. `totalBytes` is the whole file's size
   * where it is told; `validator` names this version of the file where there is a name that holds for its bytes. A piece of `body` is
   * valid until the next one is asked for.
   */
  | {
      readonly kind: "bytes";
      readonly offset: number;
      readonly totalBytes: number | undefined;
      readonly validator: string | undefined;
      readonly body: AsyncIterable<Uint8Array>;
      end(): void;
    }
  /** It is refused for good; `status` is that of HTTP. */
  | { readonly kind: "denied"; readonly status?: number; readonly detail: string }
  /** The rest alone is not to be had: the whole may be. */
  | { readonly kind: "range-refused"; readonly totalBytes: number | undefined }
  /** It may be answered another time. */
  | { readonly kind: "unavailable"; readonly detail: string };

/** Where the files of streams come from. */
export interface FileSource {
  /** From `offset` on. Rejects with what may pass. */
  open(source: StreamSource, offset: number, signal: AbortSignal): Promise<RangeAnswer>;
}

/** How a download ended. "denied": the server refuses this URL (a presigned one expires); "tampered": the bytes are not what the manifest says, and are gone. */
export type DownloadOutcome =
  | { readonly kind: "complete" }
  | { readonly kind: "denied"; readonly detail: string }
  | { readonly kind: "no-space" | "tampered" | "failed"; readonly detail: string }
  | { readonly kind: "stopped" };

/** Fetches one file. What has arrived survives restarts and is not asked for again. */
export interface Downloader {
  /** `onProgress` gets the bytes that are there. Resolves as "stopped" when `signal` aborts; never rejects. */
  download(
    source: ArtifactSource,
    artifact: FetchedArtifact,
    onProgress: (bytes: number) => void,
    signal: AbortSignal,
  ): Promise<DownloadOutcome>;
}

/** Where the bytes of an update lie until it is over. */
export interface DownloadFolder {
  /** Where those of one artifact go; `digest` is that of the manifest. */
  fileOf(digest: string, name: string): string;
  /** SHA-256 of a file as it is on the disk now; undefined when it cannot be read. */
  digestOf(file: string): Promise<string | undefined>;
  /** Removes all of them. */
  clear(): Promise<void>;
}

/** How a program ended. `stdout` and `stderr` are the last 1024 characters of each. */
export type ProgramEnd =
  | {
      readonly kind: "exited";
      readonly code: number;
      readonly stdout: string;
      readonly stderr: string;
      readonly errorLines: number;
    }
  | { readonly kind: "not-run"; readonly detail: string }
  | { readonly kind: "timed-out" | "stopped" };

/** Runs a program with these arguments as they are: no shell, no environment but a plain PATH. It and what it started end at the time limit and when `signal` aborts. Never rejects. */
export type RunProgram = (
  program: string,
  args: readonly string[],
  timeoutMs: number,
  signal: AbortSignal,
) => Promise<ProgramEnd>;
