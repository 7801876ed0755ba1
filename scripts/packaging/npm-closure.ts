import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

const lockFile = z.object({
  packages: z.record(
    z.string(),
    z.object({
      version: z.string().optional(),
      license: z.string().optional(),
      dependencies: z.record(z.string(), z.string()).default({}),
    }),
  ),
});

/** One npm package that ships: its folder relative to the project (node_modules/...), its version and its licence by name. */
export type NpmPackage = {
  readonly path: string;
  readonly name: string;
  readonly version: string;
  readonly license: string;
};

/**
 * Dependencies that a package declares but that a running agent never loads, each with what it is for. They and what only they
 * need stay out. `scripts/packaging/smoke.ts` imports all code of the agent from what is left.
 */
const NEVER_LOADED: readonly (readonly [dependent: string, dependency: string, purpose: string])[] = [
  ["socketcan", "node-gyp", "builds it"],
  ["socketcan", "node-addon-api", "builds it"],
  ["unix-dgram", "nan", "builds it"],
  ["better-sqlite3", "node-addon-api", "builds it"],
  ["aws-crt", "@httptoolkit/websocket-stream", "its browser version"],
  ["aws-crt", "axios", "its browser version"],
  ["aws-crt", "buffer", "its browser version"],
  ["aws-crt", "crypto-js", "its browser version"],
  ["aws-crt", "process", "its browser version"],
];

/**
 * The npm packages that the agent needs at run time: the `imported` ones and what they need, by the lock file of the project at
 * `root`; in byte order of their paths. A package of which only types are imported stays out.
 */
export function runtimePackages(root: string, imported: ReadonlySet<string>): NpmPackage[] {
  const { packages } = lockFile.parse(JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")));
  const reached = new Set<string>();
  const waiting = [""];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    for (const dependency of Object.keys(packages[path]?.dependencies ?? {})) {
      if (path === "" ? !imported.has(dependency) : isNeverLoaded(nameOf(path), dependency)) continue;
      const found = resolve(path, dependency, (candidate) => candidate in packages);
      if (found === undefined || reached.has(found)) continue;
      reached.add(found);
      waiting.push(found);
    }
  }
  return [...reached].sort().map((path) => {
    const { version = "unknown", license = "unknown" } = packages[path] ?? {};
    return { path, name: nameOf(path), version, license };
  });
}

function isNeverLoaded(dependent: string, dependency: string): boolean {
  return NEVER_LOADED.some(([of, name]) => of === dependent && name === dependency);
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
}

/** Node's look-up: in the package's own node_modules, then in those of the folders above it. */
function resolve(path: string, dependency: string, exists: (path: string) => boolean): string | undefined {
  for (let folder = path; ; folder = parentOf(folder)) {
    const candidate = `${folder === "" ? "" : `${folder}/`}node_modules/${dependency}`;
    if (exists(candidate)) return candidate;
    if (folder === "") return undefined;
  }
}

function parentOf(path: string): string {
  const cut = path.lastIndexOf("node_modules/");
  return cut <= 0 ? "" : path.slice(0, cut - 1);
}
