import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isInstalled, runCommand } from "../../../scripts/packaging/command.ts";

/** What is missing on this machine to make a Debian system in a folder and to run programs in it; undefined when nothing is. */
export function cannotMakeRoot(): string | undefined {
  if (process.getuid?.() !== 0) return "needs root for chroot";
  if (!isInstalled("mmdebstrap")) return "needs mmdebstrap";
  if (spawnSync("unshare", ["--mount", "true"]).status !== 0) return "needs a mount namespace";
  return isInstalled("dpkg-deb") ? undefined : "needs dpkg-deb";
}

/** Result of a command inside. */
export type Outcome = { readonly code: number; readonly output: string };

/** A small Debian in a folder, made with this machine's own sources, with `packages` and what they depend on installed. */
export function makeDebianRoot(folder: string, packages: readonly string[]): void {
  const release = readFileSync("/etc/os-release", "utf8");
  const codename = /^VERSION_CODENAME=(\w+)/m.exec(release)?.[1] ?? "bookworm";
  const parts = existsSync("/etc/apt/sources.list.d") ? readdirSync("/etc/apt/sources.list.d") : [];
  const sources = [
    "/etc/apt/sources.list",
    ...parts.filter((name) => /\.(list|sources)$/.test(name)).map((name) => join("/etc/apt/sources.list.d", name)),
  ];
  const args = ["--quiet", "--variant=minbase", `--include=${packages.join(",")}`, codename, folder];
  runCommand("mmdebstrap", [...args, ...sources.filter(existsSync)]);
}

/** Mounts are the child's own and end with it. */
const ENTER = `mount -t proc proc "$0/proc" && exec chroot "$0" /bin/sh -c "$1"`;

/** Runs a shell line inside, with nobody to answer a question. */
export function runInside(folder: string, line: string): Outcome {
  return outcomeOf("unshare", ["--mount", "/bin/sh", "-c", ENTER, folder, line], "", "noninteractive");
}

/** Runs a shell line inside on a terminal of its own, where somebody types `answer`. */
export function answerInside(folder: string, line: string, answer: string): Outcome {
  const command = ["unshare", "--mount", "/bin/sh", "-c", ENTER, folder, line].map((word) => `'${word}'`).join(" ");
  return outcomeOf("script", ["--quiet", "--return", "--command", command, "/dev/null"], `${answer}\n`, "teletype");
}

function outcomeOf(command: string, args: readonly string[], input: string, frontend: string): Outcome {
  const result = spawnSync(command, args, {
    encoding: "utf8",
    input,
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", DEBIAN_FRONTEND: frontend, LC_ALL: "C.UTF-8" },
  });
  return { code: result.status ?? -1, output: `${result.stdout}${result.stderr}` };
}
