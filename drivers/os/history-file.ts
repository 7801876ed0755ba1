import { closeSync, constants, fstatSync, openSync, readFileSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { errnoOf, messageOf } from "../../agent/core/errors.ts";
import { syncFolder } from "../../agent/core/sync-folder.ts";
import { replaceFile } from "./durable-file.ts";

/** What was in the place of the file; `problem` says why it is not used. */
export type TakenHistory =
  | { readonly kind: "none" }
  | { readonly kind: "taken"; readonly bytes: Uint8Array }
  | { readonly kind: "unusable"; readonly problem: string };

/** Keeps a history over a stop, for this user alone and as `replaceFile` does it. Throws `output.unwritable`. */
export function writeHistoryFile(path: string, bytes: Uint8Array): void {
  replaceFile(path, bytes, 0o600);
}

/**
 * Takes the file away and gives its bytes, at most `maxBytes`. It is gone, durably, before anybody looks into it: what ends the process
 * there does so once. One that cannot be removed, or is no file, is not used. Throws nothing.
 */
export function takeHistoryFile(path: string, maxBytes: number): TakenHistory {
  let found: TakenHistory;
  try {
    found = { kind: "taken", bytes: readBounded(path, maxBytes) };
  } catch (thrown) {
    if (errnoOf(thrown) === "ENOENT") return { kind: "none" };
    found = { kind: "unusable", problem: messageOf(thrown) };
  }
  try {
    rmSync(path, { force: true });
    syncFolder(dirname(path));
    return found;
  } catch (thrown) {
    return { kind: "unusable", problem: `it cannot be removed: ${messageOf(thrown)}` };
  }
}

function readBounded(path: string, maxBytes: number): Uint8Array {
  // Without waiting for a writer where a FIFO lies in its place.
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) throw new Error("it is no file");
    if (stat.size > maxBytes) throw new Error(`it has ${stat.size} bytes, more than ${maxBytes}`);
    return readFileSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
