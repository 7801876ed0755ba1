import { readdir, rm } from "node:fs/promises";
import { enableCompileCache, flushCompileCache, getCompileCacheDir } from "node:module";
import { basename, dirname, join } from "node:path";

/** What a start without systemd's supervisor runs. */
const PACKAGED = "packaged";
/** Folder below `CACHE_DIRECTORY` in which nothing else lies: what is removed is removed there alone. */
const OURS = "compiled";

type Environment = Readonly<Record<string, string | undefined>>;

/** Where compiled code of this release is kept; undefined where none is. */
function folderOf({ CACHE_DIRECTORY, CAUSEWAY_RELEASE = PACKAGED }: Environment): string | undefined {
  return CACHE_DIRECTORY === undefined ? undefined : join(CACHE_DIRECTORY, OURS, basename(CAUSEWAY_RELEASE));
}

/**
 * Compiled code of a start is taken from below `CACHE_DIRECTORY` (systemd.exec(5)), where there is one, for what is loaded from here on: most of
 * the processor time of a start is the compiler's. Node holds each piece against the source and a checksum, and compiles anew what does
 * not fit. Each release has a folder of its own.
 */
export function useCompiledCode(environment: Environment): void {
  const folder = folderOf(environment);
  if (folder !== undefined) enableCompileCache(folder);
}

/**
 * Writes down what was compiled since the start, unless it is there already, and removes what other releases and other versions of Node left:
 * one set of compiled code is on the disk at most, some 4 MB. Nothing where code is not kept. A disk that refuses costs the next start its
 * head start, and no more. A folder that somebody else has set (NODE_COMPILE_CACHE) is theirs, with all that lies beside it.
 */
export async function keepCompiledCode(environment: Environment): Promise<void> {
  const own = getCompileCacheDir();
  const ofRelease = folderOf(environment);
  if (own === undefined || ofRelease === undefined || dirname(own) !== ofRelease) return;
  flushCompileCache();
  await keepOnly(own, ofRelease);
  await keepOnly(ofRelease, dirname(ofRelease));
}

async function keepOnly(kept: string, folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    if (name === basename(kept)) continue;
    // What stays costs disk space, and no more.
    await rm(join(folder, name), { recursive: true, force: true }).catch(() => undefined);
  }
}
