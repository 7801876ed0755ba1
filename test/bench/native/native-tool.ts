import { execFile } from "node:child_process";
import { mkdir, readdir, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const SOURCES = fileURLToPath(new URL("./", import.meta.url));
const BINARIES = fileURLToPath(new URL("../../../.cache/native/", import.meta.url));
const LIBRARY = ["-shared", "-fPIC"];

/** Compiles `test/bench/native/NAME.c` when it, or a header beside it, is newer than what was compiled before. Resolves with the path of the program, or the library. */
export async function buildNativeTool(
  name: "flood" | "recvmmsg-reader" | "frame-generator" | "can-mapping" | "moved-clock",
): Promise<string> {
  const isLibrary = name === "can-mapping" || name === "moved-clock";
  const binary = join(BINARIES, isLibrary ? `lib${name}.so` : name);
  if ((await modifiedMs(binary)) >= (await sourceMs(name))) return binary;
  await mkdir(BINARIES, { recursive: true });
  const fresh = `${binary}.${process.pid}`;
  const options = ["-O2", "-Wall", "-Wextra", "-D_GNU_SOURCE", ...(isLibrary ? LIBRARY : [])];
  await run("cc", [...options, "-o", fresh, join(SOURCES, `${name}.c`), "-ldl", "-lm"]);
  await rename(fresh, binary);
  return binary;
}

async function sourceMs(name: string): Promise<number> {
  const headers = (await readdir(SOURCES)).filter((file) => file.endsWith(".h"));
  const times = await Promise.all([`${name}.c`, ...headers].map((file) => modifiedMs(join(SOURCES, file))));
  return Math.max(...times);
}

async function modifiedMs(file: string): Promise<number> {
  try {
    return (await stat(file)).mtimeMs;
  } catch {
    // Not there: older than anything.
    return 0;
  }
}
