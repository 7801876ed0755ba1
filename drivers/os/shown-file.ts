import { rmSync } from "node:fs";
import { chmod, rename, writeFile } from "node:fs/promises";
import type { ShownFile } from "../../agent/ports/shown-file.ts";

/** The file at `path`; beside it, while it is written, there is one more whose name ends in `.next`. */
export function shownFile(path: string): ShownFile {
  const next = `${path}.next`;
  return {
    replace: async (text) => {
      await writeFile(next, text);
      // Whatever the umask of the service.
      await chmod(next, 0o644);
      await rename(next, path);
    },
    remove: () => {
      for (const left of [path, next]) removeQuietly(left);
    },
  };
}

function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Its age says that nobody writes it.
  }
}
