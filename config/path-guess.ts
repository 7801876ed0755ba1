import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { layerFiles } from "./layers.ts";

const MAX_READ_BYTES = 1_048_576;

/** The absolute path that a configuration which does not parse still seems to give for a key of its first level; undefined when it gives none. Never throws. */
export async function guessPath(main: string, key: "stateDir" | "runtimeDir"): Promise<string | undefined> {
  const line = new RegExp(`^${key}:[ \\t]*(?:"(/[^"\\r\\n]*)"|'(/[^'\\r\\n]*)'|(/[^\\s#]*))`, "m");
  const overlays = await layerFiles({ folder: dirname(main) }).catch(() => []);
  let found: string | undefined;
  for (const file of [main, ...overlays]) {
    const match = line.exec(await beginningOf(file).catch(() => ""));
    found = match?.[1] ?? match?.[2] ?? match?.[3] ?? found;
  }
  return found;
}

async function beginningOf(file: string): Promise<string> {
  await using handle = await open(file);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAX_READ_BYTES));
  return buffer.toString("latin1", 0, bytesRead);
}
