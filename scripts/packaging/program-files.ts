import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { type OutputChunk, type Plugin, rolldown } from "rolldown";
import { PAGE_FILES, PLOT_FILES } from "../../agent/ui/page-files.ts";
import { bundleDaemon, daemonApart } from "./daemon-bundle.ts";
import { writePacked } from "./files.ts";
import { AS_TEXT, onLog } from "./joined-code.ts";

/** What is started by its name: the program, and the process that works with the TPM. The rest is code that these load, some of it only when it is used. */
const ENTRIES = { main: "agent/main.ts", worker: "drivers/tpm/worker/worker.ts" } as const;

/** npm packages that load a native library from beside themselves. They stay as they are, in node_modules. */
const NATIVE_PACKAGES = ["aws-crt", "better-sqlite3", "pkcs11js", "socketcan", "unix-dgram"] as const;

/** Read by the program at run time, from beside the code that reads it. */
const DATA_FILES = [
  "config/proto/telemetry.desc",
  "config/proto/commands.desc",
  "config/proto/fleetwise.desc",
  "config/proto/tunnel.desc",
  "config/proto/program.desc",
] as const;

/** The library of the live page, which the browser loads as its package has it. */
const PLOT_PACKAGE = "uplot";

/** Where the code is in a package: one folder, with one of the live page's files in it. The supervisor and every update know `agent/main.js` (systemd/causeway-start). */
export const CODE = "agent";

/** What the packed code stands on. */
export type Program = {
  /** Names of the npm packages that are part of it. */
  readonly bundled: ReadonlySet<string>;
  /** Names of the npm packages that it loads from node_modules. */
  readonly imported: ReadonlySet<string>;
};

/**
 * The program as JavaScript in `destination`/agent: our own files and the npm packages without native libraries, joined into one file
 * for what is always needed and one for each part that is loaded on demand. Names and lines stay readable, for stack traces; comments go, and
 * what is not ASCII is escaped, as one other character makes V8 keep the source of a file with two bytes a character.
 *
 * Measured against a file of its own for each of 600 modules: half of the processor time of a start, and 10 MB of memory less.
 * Throws `input.missing` when something that is imported is not there.
 */
export async function packProgram(root: string, destination: string): Promise<Program> {
  const input = Object.fromEntries(Object.entries(ENTRIES).map(([name, path]) => [name, join(root, path)]));
  const folder = join(destination, CODE);
  const chunks = [...(await bundle(input, folder, [daemonApart])), ...(await bundleDaemon(root, folder))];
  for (const path of DATA_FILES) {
    writePacked(join(destination, CODE, basename(path)), readFileSync(join(root, path)));
  }
  packPage(root, join(folder, "page"));
  const modules = chunks.flatMap(({ moduleIds }) => moduleIds);
  const imports = chunks.flatMap((chunk) => [...chunk.imports, ...chunk.dynamicImports]);
  return {
    bundled: new Set([...modules.map(packageOf).filter((name) => name !== undefined), PLOT_PACKAGE]),
    imported: new Set(imports.map(nativePackageOf).filter((name) => name !== undefined)),
  };
}

/** Files for the browser, as they are: where `readPageFiles` looks for them beside the code. */
function packPage(root: string, destination: string): void {
  for (const name of PAGE_FILES) writePacked(join(destination, name), readFileSync(join(root, "agent/ui/page", name)));
  const dist = join(root, "node_modules", PLOT_PACKAGE, "dist");
  for (const name of PLOT_FILES) writePacked(join(destination, name), readFileSync(join(dist, name)));
}

/** Joins each entry, by name, with what it imports into files of `folder`; what they share is a file too. */
export async function bundle(
  input: Readonly<Record<string, string>>,
  folder: string,
  plugins: readonly Plugin[] = [],
): Promise<OutputChunk[]> {
  const build = await rolldown({
    input,
    plugins: [...plugins],
    platform: "node",
    external: (name) => nativePackageOf(name) !== undefined,
    onLog,
  });
  try {
    const names = { entryFileNames: "[name].js", chunkFileNames: "[name].js" };
    const { output } = await build.write({ dir: folder, format: "esm", ...AS_TEXT, ...names });
    return output.filter((file) => file.type === "chunk");
  } finally {
    await build.close();
  }
}

/** The native package that an import names, itself or a file in it. */
function nativePackageOf(name: string): string | undefined {
  return NATIVE_PACKAGES.find((native) => name === native || name.startsWith(`${native}/`));
}

/** The npm package that a module is in; undefined for a module of ours. */
function packageOf(id: string): string | undefined {
  return /^.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1];
}
