import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { runCommand } from "./command.ts";
import type { NpmPackage } from "./npm-closure.ts";
import type { Target } from "./target.ts";

/** Files that no program loads: sources, types, maps, notes, build files. Licences go into the copyright file. */
const DROPPED_ENDINGS =
  /\.([cm]?ts|map|flow|md|markdown|txt|html|css|yml|gypi?|c|cc|cpp|h|hpp|py|sh|coffee|tgz|kcd|bnf|lock)$/;
const DROPPED_FILES =
  /^(licen[cs]e|copying|notice|authors|changelog|history|makefile|bower\.json|component\.json)\b|^\./i;

/** Folders directly in a package that a running program does not need. */
const DROPPED_FOLDERS = /^(test|tests|docs?|examples?|samples?|bench|benchmarks?|coverage|scripts|umd|\.[^/]*)$/;

/** What to drop from one package besides, as a pattern over paths inside it. `{arch}` is Node's name of the target. */
const DROPPED_PATHS: Readonly<Record<string, string>> = {
  "aws-crt": "^(dist\\.browser|source|lib|CMakeLists\\.txt)(/|$)|^dist/bin/(?!linux-{arch}-glibc(/|$))",
  "better-sqlite3": "^(deps|src)(/|$)|^prebuilds/(?!linux-{arch}\\.node$)",
  pkcs11js: "^(includes|src|build)(/|$)",
  socketcan: "^(native|src|build)(/|$)",
  "unix-dgram": "^(src|build)(/|$)",
  xml2js: "^lib/xml2js\\.bc\\.js$",
};

/** Installs the production packages of the lock file into `folder`; runs no script of theirs. */
export function installPackages(root: string, folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const name of ["package.json", "package-lock.json", ".npmrc"]) cpSync(join(root, name), join(folder, name));
  runCommand("npm", ["ci", "--omit=dev", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"], {
    cwd: folder,
  });
}

/** Copies the packages from `installed` to `destination`, each without what does not run on `target`. */
export function packPackages(
  packages: readonly NpmPackage[],
  installed: string,
  destination: string,
  target: Target,
): void {
  for (const { path, name } of packages) {
    const from = join(installed, path);
    const dropped = new RegExp((DROPPED_PATHS[name] ?? "^$").replaceAll("{arch}", target.nodeArch));
    const keeps = (inside: string): boolean => isLoaded(inside) && !dropped.test(inside);
    for (const inside of filesOf(from)) {
      if (!keeps(inside)) continue;
      const to = join(destination, path, inside);
      mkdirSync(dirname(to), { recursive: true });
      cpSync(join(from, inside), to);
      // Some are published with the mode of a program.
      chmodSync(to, 0o644);
    }
  }
}

/** The files of one package, without the packages nested in it. */
function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((path) => !path.startsWith("node_modules/"));
}

function isLoaded(inside: string): boolean {
  const [top = "", ...rest] = inside.split("/");
  if (rest.length > 0 && DROPPED_FOLDERS.test(top)) return false;
  const file = rest.at(-1) ?? top;
  return !DROPPED_FILES.test(file) && !DROPPED_ENDINGS.test(file);
}

/** The texts under which a package may be passed on: its licence and notice files, in the order of their names. */
export function licenceTexts(installed: string, { path }: NpmPackage): string[] {
  const folder = join(installed, path);
  return readdirSync(folder)
    .filter((name) => /^(licen[cs]e|copying|notice)/i.test(name))
    .sort()
    .map((name) => readFileSync(join(folder, name), "utf8").trim());
}
