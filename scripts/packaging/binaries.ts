import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { AgentError } from "../../agent/core/errors.ts";
import { runCommand } from "./command.ts";
import { filesBelow } from "./files.ts";
import type { Target, Toolchain } from "./target.ts";

/** Newest version of each library's interface that the control file's Depends allows for. */
const NEWEST: Readonly<Record<string, string>> = { GLIBC: "2.34", GLIBCXX: "3.4.30", CXXABI: "1.3.13", GCC: "12.0.0" };

/** Libraries that the control file's Depends brings, and the machine's own loader. */
const LIBRARIES =
  /^(lib(c|m|dl|pthread|rt)\.so\.\d|libstdc\+\+\.so\.6|libgcc_s\.so\.1|ld-linux-(x86-64|aarch64)\.so\.\d)$/;

/** The ELF files below a folder, relative to it. */
export function elfFiles(folder: string): string[] {
  return filesBelow(folder).filter((path) => isElf(join(folder, path)));
}

function isElf(file: string): boolean {
  const descriptor = openSync(file, "r");
  try {
    const magic = Buffer.alloc(4);
    readSync(descriptor, magic, 0, 4, 0);
    return magic.toString("latin1") === "\x7fELF";
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Refuses a binary that would not start where the package installs: another architecture, a library or an interface version
 * that Depends does not promise. Throws `input.malformed`.
 */
export function checkBinaries(folder: string, target: Target, toolchain: Toolchain): void {
  const machine = target.nodeArch === "x64" ? "Advanced Micro Devices X86-64" : "AArch64";
  for (const path of elfFiles(folder)) {
    const file = join(folder, path);
    if (!runCommand(toolchain.readelf, ["-h", file]).includes(machine))
      refuse(path, `is not for ${target.architecture}`);
    const libraries = [...runCommand(toolchain.readelf, ["-d", file]).matchAll(/\(NEEDED\).*\[(.+)\]/g)].map(at1);
    const unknown = libraries.find((library) => !LIBRARIES.test(library));
    if (unknown !== undefined) refuse(path, `needs ${unknown}, which Depends does not bring`);
    const versions = runCommand(toolchain.readelf, ["-V", "--wide", file]).matchAll(/Name: ([A-Z]+)_([\d.]+)/g);
    for (const [text, library = "", version = ""] of versions) {
      const newest = NEWEST[library];
      if (newest === undefined || compareVersions(version, newest) > 0) refuse(path, `needs ${text.slice(6)}`);
    }
  }
}

/** Refuses a file of the package that names the checkout it was built from. Throws `input.malformed`. */
export function checkNoMachinePaths(folder: string, checkout: string): void {
  for (const path of filesBelow(folder)) {
    if (readFileSync(join(folder, path)).includes(checkout))
      refuse(path, `names ${checkout}, a folder of this machine`);
  }
}

function at1(match: RegExpMatchArray): string {
  return match[1] ?? "";
}

function compareVersions(left: string, right: string): number {
  const [a, b] = [left, right].map((version) => version.split(".").map(Number));
  for (let index = 0; index < Math.max(a?.length ?? 0, b?.length ?? 0); index += 1) {
    const difference = (a?.[index] ?? 0) - (b?.[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function refuse(path: string, fault: string): never {
  throw new AgentError("input.malformed", {
    what: `${path} ${fault}`,
    remedy:
      "build with the compilers of Debian 12, or change Depends in scripts/packaging/control.ts and the limits in binaries.ts",
  });
}
