import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readlinkSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { AgentError, errnoOf } from "../../agent/core/errors.ts";
import type { FetchedArtifact, InstallEffect, Installer, TrialStatus } from "../../agent/update-ports.ts";
import { readIfThere, syncFolder, writeDurably } from "./durable-file.ts";
import { unpackArchive } from "./unpack.ts";

/** What `current` leads to when it is absent: the version of the package. */
const PACKAGED = "packaged";
/** Without these a release cannot start. */
const NEEDED = ["node", "agent/main.js"] as const;
const run = promisify(execFile);

/** What a release of the agent may be: three times what one is. */
export const RELEASE_LIMITS = { unpackedBytes: 600_000_000, entries: 20_000 } as const;

/** What the slots are made of. */
export type SlotParts = {
  /** `stateDir`/releases; the supervisor (systemd/causeway-start) reads the same files. */
  readonly folder: string;
  /** SHA-256 of the release that this process is, or "packaged", as the supervisor said (CAUSEWAY_RELEASE). */
  readonly running: string;
};

/**
 * Versions of the agent as immutable folders `releases/<SHA-256>`; the link `current` names the one that starts, none means the
 * packaged one. `trial` and `went-back` are shared with the supervisor, which is a shell script: lines of name=value.
 */
export function createSlots(parts: SlotParts): Installer {
  const { folder, running } = parts;
  const trialFile = join(folder, "trial");
  const wentBackFile = join(folder, "went-back");
  const endTrial = (): void => remove(folder, trialFile, wentBackFile, join(folder, "used"));
  return {
    stage: (artifact, signal) => stage(artifact, folder, signal),
    activate: async ({ sha256 }): Promise<InstallEffect> => {
      const from = currentOf(folder);
      if (valuesOf(readIfThere(trialFile)).to !== sha256) {
        endTrial();
        writeDurably(trialFile, `to=${sha256}\nfrom=${from}\nstarts=0\n`);
      }
      if (from !== sha256) link(folder, sha256);
      return running === sha256 ? "at-once" : "restart";
    },
    trial: ({ sha256 }): TrialStatus => {
      const wentBack = valuesOf(readIfThere(wentBackFile));
      if (wentBack.to === sha256) return { kind: "went-back", detail: wentBack.reason ?? "" };
      return running === sha256 && currentOf(folder) === sha256 ? { kind: "runs" } : { kind: "none" };
    },
    keep: async ({ sha256 }) => {
      endTrial();
      prune(folder, [sha256, running]);
    },
    revert: async ({ sha256 }): Promise<InstallEffect> => {
      const { to, from = PACKAGED } = valuesOf(readIfThere(trialFile));
      if (to === sha256 && currentOf(folder) === sha256) link(folder, from);
      endTrial();
      prune(folder, [currentOf(folder), running]);
      return running === sha256 ? "restart" : "at-once";
    },
  };
}

/** Complete, checked and on the disk before it has its name: a folder with the name of a release is whole. */
async function stage(artifact: FetchedArtifact, folder: string, signal: AbortSignal): Promise<void> {
  const limits = { maxUnpackedBytes: RELEASE_LIMITS.unpackedBytes, maxEntries: RELEASE_LIMITS.entries };
  const release = join(folder, artifact.sha256);
  if (existsSync(release)) return;
  const draft = `${release}.new`;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  rmSync(draft, { recursive: true, force: true });
  try {
    const { file, sizeBytes, sha256 } = artifact;
    await unpackArchive({ file, sizeBytes, sha256, ...limits }, draft, signal);
    const missing = NEEDED.find((name) => !existsSync(join(draft, name)));
    if (missing !== undefined) {
      throw new AgentError("update.unfit", {
        what: `${artifact.name} holds no ${missing}`,
        remedy: "an artifact of kind agent is the release archive that scripts/package makes",
      });
    }
    await run("sync", ["--file-system", draft]);
    renameSync(draft, release);
    syncFolder(folder);
  } catch (thrown) {
    rmSync(draft, { recursive: true, force: true });
    throw thrown;
  }
}

function currentOf(folder: string): string {
  try {
    return readlinkSync(join(folder, "current"));
  } catch (thrown) {
    if (errnoOf(thrown) === "ENOENT") return PACKAGED;
    throw thrown;
  }
}

/** rename(2) puts the new link in place of the old one in one step. */
function link(folder: string, release: string): void {
  const current = join(folder, "current");
  if (release === PACKAGED) rmSync(current, { force: true });
  else {
    rmSync(`${current}.new`, { force: true });
    symlinkSync(release, `${current}.new`);
    renameSync(`${current}.new`, current);
  }
  syncFolder(folder);
}

function remove(folder: string, ...files: readonly string[]): void {
  // There is none before the first update, and staging it may have failed.
  if (!existsSync(folder)) return;
  for (const file of files) rmSync(file, { force: true });
  syncFolder(folder);
}

/** Removes the releases that neither run nor are to be kept. */
function prune(folder: string, kept: readonly string[]): void {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    if (!/^[0-9a-f]{64}(\.new)?$/.test(name) || kept.includes(name)) continue;
    rmSync(join(folder, name), { recursive: true, force: true });
  }
}

function valuesOf(text: string | undefined): Readonly<Record<string, string | undefined>> {
  const lines = (text ?? "").split("\n").map((line) => /^([a-z]+)=(.*)$/.exec(line));
  return Object.fromEntries(lines.flatMap((match) => (match === null ? [] : [[match[1], match[2]]])));
}
