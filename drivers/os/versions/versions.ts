import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readlinkSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { AgentError, errnoOf } from "../../../agent/core/errors.ts";
import { syncFolder } from "../../../agent/core/sync-folder.ts";
import type { FetchedArtifact, InstallEffect, Installer, TrialStatus } from "../../../agent/ports/update.ts";
import type { TarLimits } from "../archive/tar-reader.ts";
import { unpackArchive } from "../archive/unpack.ts";
import { readIfThere, writeDurably } from "../durable-file.ts";

const run = promisify(execFile);

/** Where versions are, and which of them this process works with. */
export type VersionPlace = {
  readonly folder: string;
  /** SHA-256 of the version that this process works with, or `absent`. */
  readonly running: string;
  /** What it is called that there is no version, in files and facts. */
  readonly absent: string;
};

export type VersionParts = VersionPlace & {
  /** Bounds of one unpacked version. */
  readonly limits: TarLimits;
  /** Says what is wrong with an unpacked version; undefined when it may be used. */
  readonly check: (draft: string) => Promise<string | undefined>;
};

/** Versions of something that arrive as archives; see `VersionSwitch`. */
export function createVersions(parts: VersionParts): Installer {
  const versions = new VersionSwitch(parts);
  return {
    stage: (artifact, signal) => stage(artifact, parts, signal),
    activate: async ({ sha256 }) => versions.activate(sha256),
    trial: async ({ sha256 }) => versions.trial(sha256),
    commit: async ({ sha256 }) => versions.commit(sha256),
    rollback: async ({ sha256 }) => versions.rollback(sha256),
  };
}

/**
 * Versions of something as immutable folders `<folder>/<SHA-256>`. The link `current` names the one in use. While `trial` is there,
 * that one has to prove itself; `rolled-back` says that it did not. Both are lines of name=value.
 */
export class VersionSwitch {
  readonly #place: VersionPlace;

  constructor(place: VersionPlace) {
    this.#place = place;
  }

  activate(sha256: string): InstallEffect {
    const { folder, running } = this.#place;
    const from = this.#current();
    if (trialOf(folder).to !== sha256) {
      endTrial(folder);
      writeDurably(join(folder, "trial"), `to=${sha256}\nfrom=${from}\nstarts=0\n`);
    }
    if (from !== sha256) linkVersion(folder, sha256);
    return running === sha256 ? "at-once" : "restart";
  }

  trial(sha256: string): TrialStatus {
    const { folder, running } = this.#place;
    const rolledBack = valuesOf(join(folder, "rolled-back"));
    if (rolledBack.to === sha256) return { kind: "rolled-back", detail: rolledBack.reason ?? "" };
    return running === sha256 && this.#current() === sha256 ? { kind: "runs" } : { kind: "none" };
  }

  commit(sha256: string): void {
    const { folder, running } = this.#place;
    endTrial(folder);
    pruneVersions(folder, [sha256, running]);
  }

  rollback(sha256: string): InstallEffect {
    const { folder, running, absent } = this.#place;
    const { to, from = absent } = trialOf(folder);
    if (to === sha256 && this.#current() === sha256) linkVersion(folder, from === absent ? undefined : from);
    endTrial(folder);
    pruneVersions(folder, [this.#current(), running]);
    return running === sha256 ? "restart" : "at-once";
  }

  #current(): string {
    return currentVersion(this.#place.folder) ?? this.#place.absent;
  }
}

/** The version that `current` leads to; undefined when there is none. */
export function currentVersion(folder: string): string | undefined {
  try {
    return readlinkSync(join(folder, "current"));
  } catch (thrown) {
    if (errnoOf(thrown) === "ENOENT") return undefined;
    throw thrown;
  }
}

/** Puts `version` in place of the current one in one step (rename(2)); undefined takes it away. */
export function linkVersion(folder: string, version: string | undefined): void {
  const current = join(folder, "current");
  if (version === undefined) rmSync(current, { force: true });
  else {
    rmSync(`${current}.new`, { force: true });
    symlinkSync(version, `${current}.new`);
    renameSync(`${current}.new`, current);
  }
  syncFolder(folder);
}

/** The trial that is noted in `folder`. */
export function trialOf(folder: string): Readonly<Record<string, string | undefined>> {
  return valuesOf(join(folder, "trial"));
}

async function stage(artifact: FetchedArtifact, parts: VersionParts, signal: AbortSignal): Promise<void> {
  const { folder, limits, check } = parts;
  const { file, sizeBytes, sha256, name } = artifact;
  const fill = (draft: string): Promise<void> => unpackArchive({ file, sizeBytes, sha256, ...limits }, draft, signal);
  const problem = await adoptVersion(folder, sha256, fill, check);
  if (problem === undefined) return;
  throw new AgentError("update.unfit", {
    what: `${name}: ${problem}`,
    remedy: "have the release built and signed anew",
  });
}

/**
 * Makes a version: `fill` makes the folder of the draft. It is complete, checked and on the disk before it has its name, so that a
 * folder with the name of a version is whole. Gives what `check` says is wrong; no draft is left then. One that is there already is checked anew:
 * what it is held against may have changed.
 */
export async function adoptVersion(
  folder: string,
  name: string,
  fill: (draft: string) => Promise<void>,
  check: (draft: string) => Promise<string | undefined>,
): Promise<string | undefined> {
  const version = join(folder, name);
  if (existsSync(version)) return await check(version);
  const draft = `${version}.new`;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  rmSync(draft, { recursive: true, force: true });
  try {
    await fill(draft);
    const problem = await check(draft);
    if (problem === undefined) {
      await run("sync", ["--file-system", draft]);
      renameSync(draft, version);
      syncFolder(folder);
    }
    return problem;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

function endTrial(folder: string): void {
  // There is none before the first update, and staging it may have failed.
  if (!existsSync(folder)) return;
  for (const name of ["trial", "rolled-back", "used"]) rmSync(join(folder, name), { force: true });
  syncFolder(folder);
}

/** Removes the versions, and drafts of them, that are not among `commit`. */
export function pruneVersions(folder: string, kept: readonly string[]): void {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    if (!/^[0-9a-f]{64}(\.new)?$/.test(name) || kept.includes(name)) continue;
    rmSync(join(folder, name), { recursive: true, force: true });
  }
}

function valuesOf(file: string): Readonly<Record<string, string | undefined>> {
  const lines = (readIfThere(file) ?? "").split("\n").map((line) => /^([a-z]+)=(.*)$/.exec(line));
  return Object.fromEntries(lines.flatMap((match) => (match === null ? [] : [[match[1], match[2]]])));
}
