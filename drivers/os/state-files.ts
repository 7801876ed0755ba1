import { readFileSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { errnoOf } from "../../agent/core/errors.ts";
import { syncFolder } from "../../agent/core/sync-folder.ts";
import type { StateFiles } from "../../agent/ports/state-files.ts";
import { replaceFile } from "./durable-file.ts";

/** Longer than what is ever written; what is longer came from elsewhere. */
const MAX_BYTES = 67_108_864;

/** The files of `folder`, which is made when the first of them is written; for this user alone. */
export function createStateFiles(folder: string): StateFiles {
  const pathOf = (name: string): string => join(folder, name);
  return {
    read: (name) => readIfSmall(pathOf(name)),
    replace: (name, text) => replaceFile(pathOf(name), text, 0o600),
    setAside: (name) => {
      const aside = `${pathOf(name)}.damaged`;
      try {
        renameSync(pathOf(name), aside);
        syncFolder(folder);
        return aside;
      } catch {
        // It stays where it is, is found damaged again, and is replaced when there is something to write.
        return undefined;
      }
    },
  };
}

function readIfSmall(path: string): string | undefined {
  try {
    const { size } = statSync(path);
    if (size > MAX_BYTES) throw new Error(`${path}: ${size} bytes, more than the ${MAX_BYTES} that are read`);
    return readFileSync(path, "utf8");
  } catch (thrown) {
    if (errnoOf(thrown) === "ENOENT" || errnoOf(thrown) === "ENOTDIR") return undefined;
    throw thrown;
  }
}
