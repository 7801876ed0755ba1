import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { ShortFile } from "../../agent/ports/object-store.ts";

const CHUNK_BYTES = 262_144;

/** Size and SHA-256 (64 hexadecimal digits) of a file, read piece by piece. Rejects with the system's error. */
export async function digestFile(path: string): Promise<{ readonly sizeBytes: number; readonly sha256: string }> {
  const hash = createHash("sha256");
  const buffer = new Uint8Array(CHUNK_BYTES);
  let sizeBytes = 0;
  await using file = await open(path);
  for (;;) {
    const { bytesRead } = await file.read(buffer);
    if (bytesRead === 0) return { sizeBytes, sha256: hash.digest("hex") };
    hash.update(buffer.subarray(0, bytesRead));
    sizeBytes += bytesRead;
  }
}

/** SHA-256 of a part of a file, as `digestFile` tells it. Rejects with `ShortFile` where the file is shorter. */
export async function digestPart(path: string, offset: number, bytes: number): Promise<string> {
  const hash = createHash("sha256");
  const buffer = new Uint8Array(CHUNK_BYTES);
  await using file = await open(path);
  for (let left = bytes; left > 0; ) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, left), offset + bytes - left);
    if (bytesRead === 0) throw new ShortFile();
    hash.update(buffer.subarray(0, bytesRead));
    left -= bytesRead;
  }
  return hash.digest("hex");
}
