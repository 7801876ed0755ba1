import { rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { CODE, packProgram } from "../../../scripts/packaging/program-files.ts";

const ROOT = join(import.meta.dirname, "../../..");
/** As /usr/lib/causeway/causeway-start starts it. */
const NODE_OPTIONS = ["--max-semi-space-size=2", "--disable-sigusr1"];

/** Makes the program in `folder` as a package has it, on the npm packages and the addon of this checkout or that of `root`, and gives the command that runs it. */
export async function packedProgram(folder: string, root = ROOT): Promise<readonly [string, ...string[]]> {
  rmSync(folder, { recursive: true, force: true });
  await packProgram(root, folder);
  for (const name of ["node_modules", "package.json"]) symlinkSync(join(root, name), join(folder, name));
  symlinkSync(join(root, "drivers/can/native"), join(folder, CODE, "native"));
  return [process.execPath, ...NODE_OPTIONS, join(folder, CODE, "main.js")];
}

/** The command that runs the program from the sources of this checkout, with a debugger's port on 127.0.0.1. */
export function inspectedProgram(port: number): readonly [string, ...string[]] {
  return [process.execPath, `--inspect=127.0.0.1:${port}`, ...NODE_OPTIONS, join(ROOT, "agent/main.ts")];
}
