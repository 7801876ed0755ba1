import { closeSync, constants, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { AgentError, messageOf } from "../../agent/core/errors.ts";

/**
 * Puts `text` in the place of the file: written, synced, renamed, and the folder synced, so that after a power cut there is the old file or the
 * new one, whole. A folder that is missing is made, for this user only. Throws `output.unwritable`.
 */
export function replaceFile(path: string, text: string, mode: number): void {
  const folder = dirname(path);
  const next = join(folder, `.${basename(path)}.next`);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    rmSync(next, { force: true });
    writeSynced(next, text, mode);
    renameSync(next, path);
    syncFolder(folder);
  } catch (error) {
    rmSync(next, { force: true });
    throw new AgentError("output.unwritable", {
      what: `${path} cannot be written: ${messageOf(error)}`,
      remedy: "choose a place that this user may write to, with room on its disk",
      cause: error,
    });
  }
}

function writeSynced(path: string, text: string, mode: number): void {
  const descriptor = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, mode);
  try {
    writeFileSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
