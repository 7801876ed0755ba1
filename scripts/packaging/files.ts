import { chmodSync, lstatSync, lutimesSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Writes a file of the package, with the folders above it. `mode` is 0644 unless given. */
export function writePacked(file: string, content: string | Uint8Array, mode = 0o644): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  chmodSync(file, mode);
}

/** Everything below a folder that is not a folder itself: paths relative to it, in byte order. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => !lstatSync(join(folder, path)).isDirectory())
    .sort();
}

/** Gives folders 0755, programs 0755 and other files 0644, and one time (seconds since the Unix epoch) to all of them. */
export function normalise(folder: string, epochSeconds: number): void {
  const paths = readdirSync(folder, { recursive: true, encoding: "utf8" }).map((path) => join(folder, path));
  for (const path of [...paths, folder]) {
    const stat = lstatSync(path);
    if (stat.isDirectory()) chmodSync(path, 0o755);
    else if (stat.isFile()) chmodSync(path, (stat.mode & 0o100) === 0 ? 0o644 : 0o755);
    lutimesSync(path, epochSeconds, epochSeconds);
  }
}

/** What a package takes on disk, KiB: each file rounded up, and one for every folder (Debian policy, Installed-Size). */
export function installedKib(folder: string): number {
  const paths = readdirSync(folder, { recursive: true, encoding: "utf8" }).map((path) => join(folder, path));
  return paths.reduce((sum, path) => {
    const stat = lstatSync(path);
    return sum + (stat.isFile() ? Math.ceil(statSync(path).size / 1024) : 1);
  }, 0);
}
