import { readFileSync } from "node:fs";
import { release } from "node:os";

/** Longest file that is read, bytes. */
const MAX_BYTES = 65_536;

/** Which operating system the gateway has, and the release of its kernel. */
export type OsRelease = { readonly name: string; readonly kernel: string };

/** As /etc/os-release and the kernel say it; the name is "Linux" where the file says nothing (os-release(5)). */
export function readOsRelease(file = "/etc/os-release"): OsRelease {
  return { name: prettyName(file), kernel: release() };
}

function prettyName(file: string): string {
  try {
    const text = readFileSync(file, "utf8").slice(0, MAX_BYTES);
    // Assignments of a shell: in double quotes, in single ones, or bare.
    const [, quoted, single, bare] = /^PRETTY_NAME=(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|(\S+))/m.exec(text) ?? [];
    return quoted?.replace(/\\(.)/g, "$1") ?? single ?? bare ?? "Linux";
  } catch {
    // A system without the file is a Linux all the same.
    return "Linux";
  }
}
