import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { AgentError } from "../../agent/core/errors.ts";
import { isInstalled, runCommand } from "./command.ts";
import { bundle } from "./program-files.ts";
import type { Target } from "./target.ts";

/** One frame, worked out by hand: 0x2710 is 10000 and 100 km/h, the 12 bits 0xff1 are -15 and -107.5 Nm. */
const DBC = `VERSION ""
BU_: ECU
BO_ 496 Motion: 8 ECU
 SG_ Speed : 0|16@1+ (0.01,0) [0|655.35] "km/h" ECU
 SG_ Torque : 23|12@0- (0.5,-100) [-1124|923.5] "Nm" ECU
`;
const LOG = "(1735270496.916858) can0 1F0#1027FF1000000000\n";

const smokeReport = z.object({ natives: z.array(z.string()), modules: z.int(), rows: z.int() });
const decodedFrame = z.object({ msg: z.string(), phys: z.record(z.string(), z.number()) });

/** What a package was seen to do on its own Node. */
export type SmokeReport = z.infer<typeof smokeReport> & {
  readonly version: string;
  readonly physical: Readonly<Record<string, number>>;
};

/** Why a package for `target` cannot be run on this machine; undefined when it can. */
export function cannotRun(target: Target): string | undefined {
  if (target.nodeArch === process.arch) return undefined;
  if (!isInstalled(target.emulator)) return `${target.emulator} is missing: apt-get install qemu-user-static`;
  const library = join("/usr", target.triplet, "lib/libstdc++.so.6");
  const packages = `libc6-${target.architecture}-cross libstdc++6-${target.architecture}-cross`;
  return existsSync(library) ? undefined : `${library} is missing: apt-get install ${packages}`;
}

/**
 * Unpacks a package and runs it, in the emulator when it is for another architecture: every native library, every file of code, SQLite, one
 * decoded frame, the version. Throws `internal.bug` with the output of what failed.
 */
export async function smokeTest(root: string, file: string, target: Target): Promise<SmokeReport> {
  const folder = mkdtempSync(join(tmpdir(), "causeway-package-"));
  try {
    runCommand("dpkg-deb", ["-x", file, join(folder, "tree")]);
    const program = join(folder, "tree/usr/lib/causeway");
    const run = (...args: readonly string[]): string => {
      const [command = "", ...rest] = [...emulation(target), join(program, "node"), ...args];
      return runCommand(command, rest, { environment: { NODE_OPTIONS: "" } });
    };
    const report = smokeReport.parse(JSON.parse(run(await placeSmoke(root, folder, program), program)));
    if (report.rows !== 100) throw broken(`SQLite gave ${report.rows} of 100 rows`);
    const main = join(program, "agent/main.js");
    writeFileSync(join(folder, "motion.dbc"), DBC);
    writeFileSync(join(folder, "motion.log"), LOG);
    const line = run(
      main,
      "--json",
      "signals",
      "decode",
      "--dbc",
      join(folder, "motion.dbc"),
      join(folder, "motion.log"),
    );
    const { phys } = decodedFrame.parse(JSON.parse(line));
    if (phys.Speed !== 100 || phys.Torque !== -107.5) throw broken(`a frame was decoded as ${line}`);
    return { ...report, physical: phys, version: run(main, "version").trim() };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function emulation(target: Target): string[] {
  return target.nodeArch === process.arch ? [] : [target.emulator, "-L", join("/usr", target.triplet)];
}

/** Puts smoke.js where it finds the npm packages of the unpacked program. */
async function placeSmoke(root: string, folder: string, program: string): Promise<string> {
  const place = join(folder, "smoke");
  await bundle({ smoke: join(root, "scripts/packaging/smoke.ts") }, place);
  symlinkSync(join(program, "node_modules"), join(place, "node_modules"));
  return join(place, "smoke.js");
}

function broken(what: string): AgentError {
  return new AgentError("internal.bug", { what, remedy: "the package does not work: see scripts/packaging" });
}
