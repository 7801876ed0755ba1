import { createHash } from "node:crypto";
import { access, mkdir, open, readdir, rename, stat, unlink } from "node:fs/promises";
import { join } from "node:path";

/** What is kept of an arrival that is not written. */
export type RefusedArrival = {
  readonly topic: string;
  readonly userProperties: readonly (readonly [string, string])[];
  readonly reason: string;
  readonly detail: string;
  /** µs since the Unix epoch. */
  readonly receivedUs: number;
  readonly payload: Uint8Array;
};

/** Where refused arrivals are put aside, for a person to look at. */
export interface RefusedStore {
  /** True when it is durable; false when the bound leaves no room. The same arrival again is kept once. Rejects when the disk does not take it. */
  keep(arrival: RefusedArrival): Promise<boolean>;
}

/**
 * A folder of at most `maxBytes`, two files an arrival: NAME.bin is the payload as it came, NAME.json the rest. What is there stays until a
 * person takes it away: at the bound the newest is not kept, as whoever floods it must not push out what was there.
 */
export async function openRefusedFolder(folder: string, maxBytes: number): Promise<RefusedStore> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  let bytes = await sizeOf(folder);
  return {
    keep: async (arrival) => {
      const { payload, ...facts } = arrival;
      const text = `${JSON.stringify({ ...facts, bytes: payload.length })}\n`;
      const size = payload.length + Buffer.byteLength(text);
      const name = createHash("sha256").update(arrival.topic).update("\n").update(payload).digest("hex").slice(0, 32);
      if (await isThere(join(folder, `${name}.json`))) return true;
      if (bytes + size > maxBytes) return false;
      bytes += size;
      await writeDurably(join(folder, `${name}.bin`), payload);
      await writeDurably(join(folder, `${name}.json`), Buffer.from(text));
      await syncFolder(folder);
      return true;
    },
  };
}

async function sizeOf(folder: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(folder)) {
    // What a kill left half written counts for nothing.
    if (name.endsWith(".tmp")) await unlink(join(folder, name));
    else bytes += (await stat(join(folder, name))).size;
  }
  return bytes;
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(`${path}.tmp`, "w", 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.tmp`, path);
}
