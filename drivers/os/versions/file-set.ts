import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { errnoOf } from "../../../agent/core/errors.ts";
import type { ConfigSlot, Installer } from "../../../agent/ports/update.ts";
import { readIfThere, writeDurably } from "../durable-file.ts";
import { adoptVersion, createVersions, currentVersion, linkVersion, trialOf, VersionSwitch } from "./versions.ts";

/** What it is called that there is no set. */
const NO_SET = "none";
/** Starts with a set on trial before it is left. */
const MAX_STARTS = 3;
/** DBC files, rules and settings of one vehicle, with room. */
export const SET_LIMITS = { maxUnpackedBytes: 200_000_000, maxEntries: 2000 } as const;

/** The set that the configuration is read with from this start of the process on. */
export type FileSetInUse = {
  /** SHA-256, or "none". */
  readonly name: string;
  /** Where its files are; undefined for none. */
  readonly path: string | undefined;
  readonly isOnTrial: boolean;
};

/** `running` is the name of the set in use; `check` says what is wrong with a set that is not in use yet. */
export type FileSetParts = {
  readonly folder: string;
  readonly running: string;
  readonly check: (draft: string) => Promise<string | undefined>;
};

/** Sets of files (DBC, collection rules, settings): the whole set or none; the one before it stays until the new one has proven itself. */
export function createFileSet(parts: FileSetParts): Installer {
  return createVersions({ ...parts, absent: NO_SET, limits: SET_LIMITS });
}

/** Settings that are handed in as a value: a set with one file. */
export function createConfigSlot({ folder, running, check }: FileSetParts): ConfigSlot {
  const versions = new VersionSwitch({ folder, running, absent: NO_SET });
  let inUse: Readonly<Record<string, unknown>> | undefined;
  return {
    settings: () => {
      inUse ??= running === NO_SET ? {} : settingsIn(join(folder, running));
      return inUse ?? {};
    },
    check: async (settings) => {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const draft = mkdtempSync(join(folder, ".check-"));
      try {
        writeSettings(draft, textOf(settings));
        return withoutFolder(await check(draft), draft);
      } finally {
        rmSync(draft, { recursive: true, force: true });
      }
    },
    stage: async (settings) => {
      const text = textOf(settings);
      const name = createHash("sha256").update(text).digest("hex");
      const fill = async (draft: string): Promise<void> => writeSettings(draft, text);
      const judge = async (draft: string): Promise<string | undefined> => withoutFolder(await check(draft), draft);
      return { name, problem: await adoptVersion(folder, name, fill, judge) };
    },
    running: (name) => running === name && trialOf(folder).to !== name,
    activate: (name) => versions.activate(name),
    trial: (name) => versions.trial(name),
    commit: (name) => versions.commit(name),
    rollback: (name) => versions.rollback(name),
  };
}

/** Who sent the settings knows them, and no folder of this vehicle, which may have another name each time. */
function withoutFolder(problem: string | undefined, draft: string): string | undefined {
  return problem?.replaceAll(`${join(draft, "agent.d")}/`, "");
}

/** JSON is YAML. */
function textOf(settings: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(settings, undefined, 2);
}

/** Undefined where they cannot be read, now or at all: what they were is in force all the same, from the start of the process. */
function settingsIn(version: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const text = readIfThere(join(version, "agent.d", "settings.yaml"));
    return text === undefined ? undefined : z.record(z.string(), z.unknown()).safeParse(JSON.parse(text)).data;
  } catch (thrown) {
    if (!(thrown instanceof SyntaxError) && errnoOf(thrown) === undefined) throw thrown;
    return undefined;
  }
}

function writeSettings(draft: string, text: string): void {
  mkdirSync(join(draft, "agent.d"), { recursive: true, mode: 0o700 });
  writeFileSync(join(draft, "agent.d", "settings.yaml"), text, { mode: 0o600 });
}

/** The set that the next start would begin with, as far as it is known without beginning. Throws the system's error where the folder may not be read. */
export function fileSetInUse(folder: string): FileSetInUse {
  const name = currentVersion(folder);
  if (name === undefined) return { name: NO_SET, path: undefined, isOnTrial: false };
  return { name, path: join(folder, name), isOnTrial: trialOf(folder).to === name };
}

/** The set to start with. Counts the start of one on trial, and leaves one that has been started too often. Where nothing can be written the agent starts all the same. */
export function beginWithFileSet(folder: string): FileSetInUse {
  const set = fileSetInUse(folder);
  if (!set.isOnTrial) return set;
  const { from = NO_SET, starts } = trialOf(folder);
  const used = Number(starts ?? 0);
  if (used >= MAX_STARTS) {
    leaveFileSet(folder, `${used} starts`);
    return beginWithFileSet(folder);
  }
  tryToWrite(() => writeDurably(join(folder, "trial"), `to=${set.name}\nfrom=${from}\nstarts=${used + 1}\n`));
  return set;
}

/** Goes back from the set on trial; does nothing when there is none. A cut in between is finished by the next start, which counts on. */
export function leaveFileSet(folder: string, reason: string): void {
  const { to, from = NO_SET } = trialOf(folder);
  if (to === undefined || currentVersion(folder) !== to) return;
  const text = reason.replaceAll("\n", " ").slice(0, 1000);
  tryToWrite(() => writeDurably(join(folder, "rolled-back"), `to=${to}\nreason=${text}\n`));
  linkVersion(folder, from === NO_SET ? undefined : from);
}

function tryToWrite(write: () => void): void {
  try {
    write();
  } catch (thrown) {
    // A disk that takes nothing must not keep the agent from starting.
    if (errnoOf(thrown) === undefined) throw thrown;
  }
}
