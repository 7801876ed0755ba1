import { execFileSync } from "node:child_process";

/** Why a test cannot mount a small file system in a namespace of its own; undefined where it can. */
export function mountProblem(): string | undefined {
  try {
    execFileSync("unshare", ["--mount", "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", "/mnt"], { stdio: "pipe" });
    return undefined;
  } catch (thrown) {
    return String(thrown).split("\n").at(-1);
  }
}
