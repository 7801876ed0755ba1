import { execFile } from "node:child_process";
import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import type { FetchedArtifact } from "../../../agent/ports/update.ts";

/** Sets the space for the rest of the file aside, so that nothing else takes it meanwhile. Gives what is short, or undefined. */
export async function reserveSpace(
  { file, name, sizeBytes }: FetchedArtifact,
  thereBytes: number,
  spareBytes: number,
): Promise<string | undefined> {
  const { bavail, bsize } = await statfs(dirname(file));
  const neededBytes = sizeBytes - thereBytes + spareBytes;
  if (bavail * bsize < neededBytes) return `${name}: needs ${neededBytes} bytes, ${bavail * bsize} are free`;
  // Not every file system can set space aside; then a full disk is met while writing, and told in the same words.
  await new Promise<void>((resolve) => {
    execFile("fallocate", ["--keep-size", "--length", String(sizeBytes), file], () => resolve());
  });
  return undefined;
}
