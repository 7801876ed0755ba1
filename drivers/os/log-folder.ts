import { type FileHandle, mkdir, open, readdir, rm, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf } from "../../agent/core/errors.ts";
import type { LogFile, LogFolder, StoredLog } from "../../agent/ports/log-folder.ts";

/** The folder `path`, which is made when its parent is there. Logs are for this user alone: raw frames say where the vehicle was and how it was driven. */
export function openLogFolder(path: string): LogFolder {
  return {
    list: () => list(path),
    create: async (name) => {
      const file = await open(join(path, name), "wx", 0o600);
      await syncFolder(path);
      return logFile(file);
    },
    remove: (name) => rm(join(path, name), { force: true }),
    freeBytes: async () => {
      const { bavail, bsize } = await statfs(path);
      return bavail * bsize;
    },
  };
}

async function list(path: string): Promise<readonly StoredLog[]> {
  await makeFolder(path);
  const entries = await readdir(path, { withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(files.map(async ({ name }) => ({ name, bytes: await sizeOf(join(path, name)) })));
  return sizes.flatMap(({ name, bytes }) => (bytes === undefined ? [] : [{ name, bytes }]));
}

/** Not recursive: Node's mkdir with that never comes back from a path under /proc. */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw error;
  }
}

/** Undefined for a file that is gone meanwhile. */
async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

function logFile(file: FileHandle): LogFile {
  let end = 0;
  return {
    append: async (bytes) => {
      await writeAll(file, bytes, end);
      end += bytes.length;
    },
    overwrite: (bytes) => writeAll(file, bytes, 0),
    sync: () => file.datasync(),
    close: () => file.close(),
  };
}

async function writeAll(file: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written, at + written);
    written += bytesWritten;
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
