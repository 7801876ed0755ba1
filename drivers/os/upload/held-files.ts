import { copyFile, link, mkdir, open, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf } from "../../../agent/core/errors.ts";
import { syncFolder } from "../../../agent/core/sync-folder.ts";
import type { HeldFile, HeldFiles, HeldSource } from "../../../agent/ports/object-store.ts";
import { digestFile, digestPart } from "../file-digest.ts";

/** A link may not be made between file systems, to a file of another user (protected_hardlinks), or at all. */
const NO_LINK: ReadonlySet<string | undefined> = new Set(["EXDEV", "EPERM", "EACCES", "EMLINK", "ENOTSUP"]);

/**
 * Held files in `folder`, which is made when its parent is there. A file of this machine that nobody writes to any more is held by a second
 * name for it, which costs no space of its own while both are there; any other, and where that cannot be, by a copy.
 */
export function heldFiles(folder: string): HeldFiles {
  const pathOf = (id: string): string => join(folder, id);
  return {
    hold: (id, source, maxBytes) => hold(folder, pathOf(id), source, maxBytes),
    pathOf,
    digestOf: (id, offset, bytes) => digestPart(pathOf(id), offset, bytes),
    release: (id) => rm(pathOf(id), { force: true }),
    keepOnly: async (ids) => {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const left = (await readdir(folder)).filter((name) => !ids.has(name));
      await Promise.all(left.map((name) => rm(pathOf(name), { force: true })));
    },
  };
}

async function hold(
  folder: string,
  path: string,
  source: HeldSource,
  maxBytes: number,
): Promise<HeldFile | "too-large"> {
  const sizeBytes = source.kind === "bytes" ? source.content.length : (await stat(source.path)).size;
  if (sizeBytes > maxBytes) return "too-large";
  await mkdir(folder, { recursive: true, mode: 0o700 });
  try {
    await (source.kind === "bytes" ? write(path, source.content) : take(source, path));
    const held = await digestFile(path);
    syncFolder(folder);
    if (held.sizeBytes <= maxBytes) return held;
  } catch (thrown) {
    await rm(path, { force: true });
    throw thrown;
  }
  await rm(path, { force: true });
  return "too-large";
}

async function take({ path: from, mayChange }: Extract<HeldSource, { kind: "file" }>, to: string): Promise<void> {
  if (mayChange) return await copy(from, to);
  try {
    await link(from, to);
  } catch (thrown) {
    if (!NO_LINK.has(errnoOf(thrown))) throw thrown;
    await copy(from, to);
  }
}

async function copy(from: string, to: string): Promise<void> {
  await copyFile(from, to);
  await using copied = await open(to);
  await copied.datasync();
}

async function write(path: string, content: Uint8Array): Promise<void> {
  await using file = await open(path, "wx", 0o600);
  await file.writeFile(content);
  await file.datasync();
}
