import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { AgentError } from "../../agent/core/errors.ts";
import { runCommand } from "./command.ts";
import { NODE_VERSION, type Target, type Toolchain } from "./target.ts";

/** A Node for one target, unpacked: `bin/node`, `include/node` for addons, `LICENSE`. */
export type NodeRuntime = { readonly folder: string };

/**
 * Fetches Node from the npm package of its target, once: a package whose digest is right is taken from `cacheDir`.
 * Throws `input.malformed` when the digest is not the pinned one.
 */
export function fetchNode(target: Target, cacheDir: string): NodeRuntime {
  const name = `node-linux-${target.nodeArch}`;
  const folder = join(cacheDir, `${name}-${NODE_VERSION}`);
  const archive = `${folder}.tgz`;
  mkdirSync(cacheDir, { recursive: true });
  // Two builds may fetch at the same time, so a name appears in the cache only when it is whole.
  const partial = `${folder}.partial-${process.pid}`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial);
  if (!existsSync(archive)) {
    runCommand("npm", ["pack", `${name}@${NODE_VERSION}`, "--silent", "--pack-destination", partial]);
    renameSync(join(partial, basename(archive)), archive);
  }
  const integrity = `sha512-${createHash("sha512").update(readFileSync(archive)).digest("base64")}`;
  if (integrity !== target.nodeIntegrity) {
    rmSync(archive);
    throw new AgentError("input.malformed", {
      what: `${name}@${NODE_VERSION} is not what was pinned: ${integrity}`,
      remedy:
        "build again; if it stays, the registry serves another file, or target.ts needs the digests of a new version",
    });
  }
  if (!existsSync(folder)) {
    runCommand("tar", ["-xzf", archive, "-C", partial, "--strip-components=1"]);
    if (!existsSync(folder)) renameSync(partial, folder);
  }
  rmSync(partial, { recursive: true, force: true });
  return { folder };
}

/** Puts the Node binary, without its symbols for debuggers, at `file`. What addons link against is in the dynamic table and stays. */
export function packNode(runtime: NodeRuntime, toolchain: Toolchain, file: string): void {
  copyFileSync(join(runtime.folder, "bin/node"), file);
  runCommand(toolchain.strip, ["--strip-unneeded", "--remove-section=.comment", "--remove-section=.note", file]);
}
