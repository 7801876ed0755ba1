import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { open, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { AgentError, errnoOf } from "../../agent/core/errors.ts";
import { fileTrouble } from "../../agent/core/file-trouble.ts";
import { syncFolder } from "../../agent/core/sync-folder.ts";

/**
 * Puts `text` in the place of the file: written, synced, renamed, and the folder synced, so that after a power cut there is the old file or the
 * new one, whole. A folder that is missing is made, for this user only. Throws `output.unwritable`.
 */
export function replaceFile(path: string, text: string | Uint8Array, mode: number): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeDurably(path, text, mode);
  } catch (error) {
    throw new AgentError("output.unwritable", {
      what: `${path} cannot be written: ${fileTrouble(error)}`,
      remedy: "choose a place that this user may write to, with room on its disk",
      cause: error,
    });
  }
}

/** The same in a folder that is there. Throws the system's error. */
export function writeDurably(path: string, text: string | Uint8Array, mode = 0o600): void {
  const folder = dirname(path);
  const next = join(folder, `.${basename(path)}.next`);
  try {
    rmSync(next, { force: true });
    writeSynced(next, text, mode);
    renameSync(next, path);
    syncFolder(folder);
  } catch (error) {
    rmSync(next, { force: true });
    throw error;
  }
}

/** The same in the thread pool: the thread that calls goes on meanwhile. Two calls for one path must not overlap. Rejects with the system's error. */
export async function writeDurablyBeside(path: string, text: string, mode = 0o600): Promise<void> {
  const folder = dirname(path);
  const next = join(folder, `.${basename(path)}.next`);
  try {
    await rm(next, { force: true });
    await writeFile(next, text, { flag: "wx", mode, flush: true });
    await rename(next, path);
    await using opened = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
    await opened.sync();
  } catch (error) {
    await rm(next, { force: true });
    throw error;
  }
}

/**
 * As `writeDurably`, for a file of another's: owner, group and mode stay what they are, those of `like` where it is new. A symbolic link stays one.
 * Throws the system's error.
 */
export function rewriteFile(path: string, text: string, like: string): void {
  const target = existsSync(path) ? realpathSync(path) : path;
  const { uid, gid, mode } = statSync(existsSync(target) ? target : like);
  const folder = dirname(target);
  const next = join(folder, `.${basename(target)}.next`);
  try {
    rmSync(next, { force: true });
    writeSynced(next, text, 0o600);
    // Before its mode is wider than ours alone.
    chownSync(next, uid, gid);
    chmodSync(next, mode & 0o7777);
    renameSync(next, target);
    syncFolder(folder);
  } catch (error) {
    rmSync(next, { force: true });
    throw error;
  }
}

function writeSynced(path: string, text: string | Uint8Array, mode: number): void {
  const descriptor = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, mode);
  try {
    writeFileSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** The text of a file; undefined when there is none. Throws the system's error for any other reason. */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (thrown) {
    if (errnoOf(thrown) === "ENOENT") return undefined;
    throw thrown;
  }
}
