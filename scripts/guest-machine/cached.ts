import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { removeLeftovers } from "./place.ts";

/** The checkout. */
export const ROOT = join(import.meta.dirname, "../..");
/** Everything that the guests keep between runs. */
export const GUEST_CACHE = join(ROOT, ".cache/guest");

/** Digest over texts and files (with their modes); a folder counts with all that is in it. */
export function digestOf(texts: readonly string[], paths: readonly string[]): string {
  const hash = createHash("sha256");
  for (const text of texts) hash.update(`${text}\0`);
  for (const path of paths.flatMap(filesBelow)) {
    hash.update(`${path}\0${statSync(path).mode}\0`);
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
 * step, so that an interrupted run leaves none that is half made; older ones go.
 */
export async function cached(name: string, digest: string, make: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(GUEST_CACHE, `${name}-${digest}`);
  if (existsSync(folder)) return folder;
  mkdirSync(GUEST_CACHE, { recursive: true });
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
  return folder;
}
