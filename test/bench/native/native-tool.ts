import { execFile } from "node:child_process";
import { mkdir, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const SOURCES = fileURLToPath(new URL("./", import.meta.url));
const BINARIES = fileURLToPath(new URL("../../../.cache/native/", import.meta.url));

/** Compiles `test/bench/native/NAME.c` when it is newer than what was compiled before. Resolves with the path of the program. */
export async function buildNativeTool(name: "flood" | "recvmmsg-reader"): Promise<string> {
  const source = join(SOURCES, `${name}.c`);
  const binary = join(BINARIES, name);
  if ((await modifiedMs(binary)) >= (await modifiedMs(source))) return binary;
  await mkdir(BINARIES, { recursive: true });
  const fresh = `${binary}.${process.pid}`;
  await run("cc", ["-O2", "-Wall", "-Wextra", "-D_GNU_SOURCE", "-o", fresh, source]);
  await rename(fresh, binary);
  return binary;
}

async function modifiedMs(file: string): Promise<number> {
  try {
    return (await stat(file)).mtimeMs;
  } catch {
    // Not there: older than anything.
    return 0;
  }
}
