import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { removeLeftovers } from "../guest-machine/place.ts";

/** The checkout. */
export const ROOT = join(import.meta.dirname, "../..");
/** Everything that tests of packages and guests keep between runs. */
export const GUEST_CACHE = join(ROOT, ".cache/guest");

/** Digest over texts and files (with their modes), by their paths in the checkout; a folder counts with all that is in it. */
export function digestOf(texts: readonly string[], paths: readonly string[]): string {
  const hash = createHash("sha256");
  for (const text of texts) hash.update(`${text}\0`);
  for (const path of paths.flatMap(filesBelow)) {
    hash.update(`${relative(ROOT, path)}\0${statSync(path).mode}\0`);
    hash.update(readFileSync(path));
  }
  return hash.digest("hex").slice(0, 16);
}

function filesBelow(path: string): readonly string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !/\/(build|node_modules)\//.test(file.slice(path.length)))
    .sort();
}

/**
 * The folder `name` of the cache, made by `make` when it is missing or its inputs had another digest. It takes its place in one
 * step, so that an interrupted run leaves none that is half made; older ones go. Who asks while another process makes it gets that one.
 */
export async function cached(name: string, digest: string, make: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(GUEST_CACHE, `${name}-${digest}`);
  if (existsSync(folder)) return folder;
  mkdirSync(GUEST_CACHE, { recursive: true });
  const unlock = await lock(join(GUEST_CACHE, `lock-${name}`));
  try {
    if (!existsSync(folder)) await replace(name, folder, make);
    return folder;
  } finally {
    unlock();
  }
}

async function replace(name: string, folder: string, make: (folder: string) => Promise<void>): Promise<void> {
  removeLeftovers(GUEST_CACHE, `new-${name}-`);
  const fresh = mkdtempSync(join(GUEST_CACHE, `new-${name}-${process.pid}-`));
  try {
    await make(fresh);
    for (const old of readdirSync(GUEST_CACHE).filter((entry) => entry.startsWith(`${name}-`))) {
      rmSync(join(GUEST_CACHE, old), { recursive: true, force: true });
    }
    renameSync(fresh, folder);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/** Waits until no living process holds the lock, and takes it: a link to nothing that is named by the holder's id. Gives what releases it. */
async function lock(path: string): Promise<() => void> {
  for (;;) {
    try {
      symlinkSync(String(process.pid), path);
      return () => rmSync(path, { force: true });
    } catch {
      if (!existsSync(join("/proc", holderOf(path)))) rmSync(path, { force: true });
      else await sleep(500);
    }
  }
}

function holderOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    // Released in this moment.
    return "none";
  }
}
