import { closeSync, fsyncSync, openSync } from "node:fs";

/** Makes renames, new names and removals in `folder` durable. */
export function syncFolder(folder: string): void {
  const handle = openSync(folder, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
