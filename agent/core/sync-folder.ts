import { closeSync, constants, fsyncSync, openSync } from "node:fs";

/** Makes names in `folder` durable: new ones, renames and removals. Throws the system's error. */
export function syncFolder(folder: string): void {
  const descriptor = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
