import { chmodSync, cpSync, mkdirSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { runCommand } from "./command.ts";
import type { NodeRuntime } from "./node-runtime.ts";
import { CODE } from "./program-files.ts";
import type { Target, Toolchain } from "./target.ts";

/** An addon that is compiled here; the others come prebuilt with their npm package. */
type Addon = {
  /** Relative to the project. Built in a copy, so that the checkout keeps its own build. */
  readonly folder: string;
  /** What node-gyp leaves in build/Release, and the program loads from there. */
  readonly files: readonly string[];
  /** The folder in the package, when it is another. */
  readonly packedFolder?: string;
};

const ADDONS: readonly Addon[] = [
  { folder: "drivers/can/native", files: ["can_receive.node"], packedFolder: `${CODE}/native` },
  { folder: "node_modules/socketcan", files: ["can.node", "can_signals.node"] },
  { folder: "node_modules/pkcs11js", files: ["pkcs11.node"] },
  { folder: "node_modules/unix-dgram", files: ["unix_dgram.node"] },
];

/** What a build reads and where it writes. `workDir` holds the installed npm packages and is the only place that is written to. */
export type NativeBuild = {
  readonly root: string;
  readonly workDir: string;
  readonly destination: string;
  readonly target: Target;
  readonly toolchain: Toolchain;
  readonly runtime: NodeRuntime;
};

/** Compiles every addon for the target and puts it, without symbols for debuggers, where the program loads it from. */
export function packNatives(build: NativeBuild): void {
  const { root, workDir, destination, target, toolchain, runtime } = build;
  const own = "drivers/can/native";
  cpSync(join(root, own), join(workDir, own), { recursive: true, filter: (path) => !path.endsWith("/build") });
  // Debian's own hardening flags; and no path of this machine may end in a binary.
  const flags = `-g0 -fstack-protector-strong -D_FORTIFY_SOURCE=2 -ffile-prefix-map=${workDir}=. -ffile-prefix-map=${runtime.folder}=node`;
  for (const { folder, files, packedFolder = folder } of ADDONS) {
    const source = join(workDir, folder);
    rmSync(join(source, "build"), { recursive: true, force: true });
    const gyp = join(root, "node_modules/node-gyp/bin/node-gyp.js");
    const args = ["rebuild", `--arch=${target.nodeArch}`, `--nodedir=${runtime.folder}`];
    runCommand(process.execPath, [gyp, ...args, `--jobs=${availableParallelism()}`], {
      cwd: source,
      environment: {
        CC: toolchain.cc,
        CXX: toolchain.cxx,
        CFLAGS: flags,
        CXXFLAGS: flags,
        // npm hands its settings on as variables, and node-gyp takes those before its arguments.
        npm_config_nodedir: runtime.folder,
        npm_config_arch: target.nodeArch,
        LDFLAGS: "-Wl,-z,relro,-z,now,--build-id=none",
      },
    });
    const release = join(destination, packedFolder, "build/Release");
    mkdirSync(release, { recursive: true });
    for (const file of files) cpSync(join(source, "build/Release", file), join(release, file));
  }
}

/** Takes away what only a debugger reads, and the permission to run what is only ever loaded. */
export function stripNatives(files: readonly string[], toolchain: Toolchain): void {
  for (const file of files) {
    runCommand(toolchain.strip, ["--strip-unneeded", "--remove-section=.comment", file]);
    chmodSync(file, 0o644);
  }
}
