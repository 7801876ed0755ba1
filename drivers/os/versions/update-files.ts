import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { DownloadFolder } from "../../../agent/ports/update.ts";
import { readIfThere, writeDurably } from "../durable-file.ts";
import { digestFile } from "../file-digest.ts";

/** Downloads below `folder`, in a folder for each update. */
export function createDownloadFolder(folder: string): DownloadFolder {
  return {
    fileOf: (digest, name) => join(folder, digest, name),
    digestOf: async (file) => {
      try {
        return (await digestFile(file)).sha256;
      } catch {
        // Whatever the reason, its content cannot be vouched for.
        return undefined;
      }
    },
    clear: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** A copy of the rollback indexes: one JSON file beside the releases, apart from the journal. A damaged one reads as none. */
export function createRollbackIndexFile(
  folder: string,
  name: string,
): { read(): unknown; write(lines: unknown): void } {
  const file = join(folder, name);
  return {
    read: () => {
      try {
        const parsed: unknown = JSON.parse(readIfThere(file) ?? "");
        return parsed;
      } catch {
        // The journal has them too; both would have to be lost at once.
        return undefined;
      }
    },
    write: (lines) => {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      writeDurably(file, JSON.stringify(lines));
    },
  };
}
