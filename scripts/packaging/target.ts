import { AgentError } from "../../agent/core/errors.ts";
import { isInstalled } from "./command.ts";

/** The Node that is packed. Its digests are in `TARGETS`: a new version needs new ones. */
export const NODE_VERSION = "24.21.0";

/** One architecture that a package is made for. */
export type Target = {
  /** Debian's name. */
  readonly architecture: "amd64" | "arm64";
  /** Node's name: in process.arch, in prebuilt files and for node-gyp. */
  readonly nodeArch: "x64" | "arm64";
  /** Debian's multiarch triplet, the prefix of its compilers. */
  readonly triplet: string;
  /** Digest of the npm package node-linux-`nodeArch` of `NODE_VERSION`, as in a lock file. */
  readonly nodeIntegrity: string;
  /** The emulator that runs its programs on another machine, Debian package qemu-user-static. */
  readonly emulator: string;
};

/** What `scripts/package` can make. 32-bit ARM has neither a Node 24 nor an MQTT library. */
export const TARGETS: readonly Target[] = [
  {
    architecture: "amd64",
    nodeArch: "x64",
    triplet: "x86_64-linux-gnu",
    nodeIntegrity: "sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==",
    emulator: "qemu-x86_64-static",
  },
  {
    architecture: "arm64",
    nodeArch: "arm64",
    triplet: "aarch64-linux-gnu",
    nodeIntegrity: "sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==",
    emulator: "qemu-aarch64-static",
  },
];

/** A wrong option, and what to give in its place. */
export function usageFault(what: string, remedy: string): AgentError {
  return new AgentError("usage.invalid", { what, remedy });
}

/**
 * The targets of --arch: the machine's own (`nodeArch`, as process.arch has it) where nothing is named, both for "all". Throws `usage.invalid`
 * for a name that there is no package for.
 */
export function targetsOf(named: readonly string[] | undefined, nodeArch: string): readonly Target[] {
  const own = TARGETS.filter((target) => target.nodeArch === nodeArch).map(({ architecture }) => architecture);
  const wanted: readonly string[] = named ?? own;
  if (wanted.length === 0)
    throw usageFault(`there is no package for ${nodeArch}, this machine`, "give --arch amd64 or arm64");
  const unknown = wanted.find((name) => name !== "all" && !TARGETS.some(({ architecture }) => architecture === name));
  if (unknown !== undefined) throw usageFault(`there is no package for ${unknown}`, "give amd64, arm64 or all");
  return wanted.includes("all") ? TARGETS : TARGETS.filter(({ architecture }) => wanted.includes(architecture));
}

/** The compilers and binary tools for one target. */
export type Toolchain = {
  readonly cc: string;
  readonly cxx: string;
  readonly strip: string;
  readonly readelf: string;
};

/** Finds Debian's compilers for a target. Throws `input.missing` naming the packages to install. */
export function toolchainOf(target: Target): Toolchain {
  const { triplet } = target;
  // A cross compiler may be installed under its versioned name only.
  const tool = (name: string): string | undefined =>
    [`${triplet}-${name}`, `${triplet}-${name}-12`].find((command) => isInstalled(command));
  const cc = tool("gcc");
  const cxx = tool("g++");
  const strip = tool("strip");
  const readelf = tool("readelf");
  if (cc !== undefined && cxx !== undefined && strip !== undefined && readelf !== undefined) {
    return { cc, cxx, strip, readelf };
  }
  const native = target.nodeArch === process.arch;
  throw new AgentError("input.missing", {
    what: `there is no compiler for ${target.architecture}`,
    remedy: `apt-get install ${native ? "g++ make" : `g++-12-${triplet.replace("_", "-")}`}`,
  });
}
