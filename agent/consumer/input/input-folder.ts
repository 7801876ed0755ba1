import { opendir } from "node:fs/promises";
import { join } from "node:path";
import { AgentError } from "../../core/errors.ts";

/** How deep folders may lie in each other, and how many files there may be. */
const MAX_DEPTH = 16;
const MAX_FILES = 1_000_000;

/**
 * Every regular file in a folder and those below it, in the order of their names; links are passed over. Throws `input.malformed`
 * where there are more than 1,000,000 or folders are more than 16 deep, and what the file system says of one that cannot be read.
 */
export async function filesIn(folder: string): Promise<readonly string[]> {
  const files: string[] = [];
  await collect(folder, 0, files);
  return files;
}

async function collect(folder: string, depth: number, files: string[]): Promise<void> {
  if (depth > MAX_DEPTH) throw tooMuch(folder, `folders are more than ${MAX_DEPTH} deep`);
  const entries: { readonly name: string; readonly isFolder: boolean }[] = [];
  for await (const entry of await opendir(folder)) {
    if (entry.isFile() || entry.isDirectory()) entries.push({ name: entry.name, isFolder: entry.isDirectory() });
    if (entries.length > MAX_FILES) throw tooMuch(folder, `there are more than ${MAX_FILES} files`);
  }
  entries.sort((one, other) => (one.name < other.name ? -1 : 1));
  for (const { name, isFolder } of entries) {
    const path = join(folder, name);
    if (isFolder) await collect(path, depth + 1, files);
    else files.push(path);
    if (files.length > MAX_FILES) throw tooMuch(folder, `there are more than ${MAX_FILES} files`);
  }
}

function tooMuch(folder: string, what: string): AgentError {
  return new AgentError("input.malformed", { what: `${folder}: ${what}`, remedy: "Give a part of it at a time." });
}
