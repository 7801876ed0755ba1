import { join } from "node:path";
import { type OutputChunk, type Plugin, rolldown } from "rolldown";
import { AWS_CRT_LIBRARY, EARLY_LIBRARY } from "./early-library.ts";
import { AS_TEXT, onLog } from "./joined-code.ts";

/** What `agent/main.ts` loads for the verb `run`. */
const DAEMON = "agent/cli/daemon-verb.ts";

/** npm packages of which the daemon loads a native library only where something is configured. */
const ON_DEMAND = /^(pkcs11js|socketcan|unix-dgram)(\/|$)/;

/** Loads an npm package's native library from where the package is; both find out for themselves otherwise, aws-crt by a process of `ldd`. */
const LOADERS: readonly (readonly [ending: string, code: string])[] = [
  [
    "/aws-crt/dist/native/binding.js",
    `Object.defineProperty(exports, "__esModule", { value: true });
exports.CRuntimeType = { NON_LINUX: "cruntime", MUSL: "musl", GLIBC: "glibc" };
exports.cRuntime = "glibc";
awaitEarlyLibrary();
exports.default = require(\`${AWS_CRT_LIBRARY}\`);`,
  ],
  [
    "/better-sqlite3/lib/index.js",
    `module.exports = require("./database")(() => require(\`../node_modules/better-sqlite3/prebuilds/linux-\${process.arch}.node\`), false);
module.exports.SqliteError = require("./sqlite-error");`,
  ],
];

/** Leaves out of the program of all verbs what stands in the daemon's own files. */
export const daemonApart: Plugin = {
  name: "daemon apart",
  resolveId: (source) => (source.endsWith("/daemon-verb.ts") ? { id: "./daemon.cjs", external: true } : undefined),
};

/**
 * The daemon in `folder`: `daemon.cjs`, all that is loaded at each start in one file beside it, the JavaScript of aws-crt and better-sqlite3 too, and a
 * file for each part that is loaded on demand. It shares none with the other verbs, since what some verb shares would be a file of its own:
 * 130 files took 100 ms of a start of 400, most of it to find them. They are CommonJS: of each module of Node that is imported as ESM, Node
 * reads every export, and so loads what nobody asked for (WebCrypto, streams of files), a seventh of the time that loading takes.
 */
export async function bundleDaemon(root: string, folder: string): Promise<OutputChunk[]> {
  const always = new Set<string>();
  const nativeLoaders: Plugin = {
    name: "native loaders",
    load: (id) => LOADERS.find(([ending]) => id.endsWith(ending))?.[1],
    buildEnd() {
      const waiting = [join(root, DAEMON)];
      for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
        if (always.has(id)) continue;
        always.add(id);
        waiting.push(...(this.getModuleInfo(id)?.importedIds ?? []));
      }
    },
  };
  const build = await rolldown({
    input: { daemon: join(root, DAEMON) },
    plugins: [nativeLoaders],
    platform: "node",
    external: (name) => ON_DEMAND.test(name) || name.endsWith(".node"),
    onLog,
  });
  try {
    const names = { entryFileNames: "[name].cjs", chunkFileNames: "daemon-[name].cjs" };
    const codeSplitting = { groups: [{ name: "always", test: (id: string) => always.has(id) }] };
    const banner = ({ name }: { readonly name: string }): string => EARLY_LIBRARY[name] ?? "";
    const how = { format: "cjs", ...AS_TEXT, codeSplitting, banner } as const;
    const { output } = await build.write({ dir: folder, ...how, ...names });
    return output.filter((file) => file.type === "chunk");
  } finally {
    await build.close();
  }
}
