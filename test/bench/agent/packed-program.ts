import { readFileSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { CODE, packProgram } from "../../../scripts/packaging/program-files.ts";

const ROOT = join(import.meta.dirname, "../../..");
const START = join(ROOT, "systemd/causeway-start");
const ENV = "/usr/bin/env";

/** How /usr/lib/causeway/causeway-start starts Node: what it puts into the environment, NAME=VALUE, and the options. Throws where that is not to be found in it. */
export function startOptions(script = readFileSync(START, "utf8")): StartOptions {
  const memory = /^memory="([^"]+)"$/m.exec(script)?.[1];
  const arenas = /^export (MALLOC_ARENA_MAX=\d+)$/m.exec(script)?.[1];
  const others = /^exec "\$program\/node" \$memory ([^"]+) "\$program/m.exec(script)?.[1];
  if (memory === undefined || arenas === undefined || others === undefined) {
    throw new Error(`${START} does not start Node as it did: mend startOptions`);
  }
  return { environment: [arenas], options: [...memory.split(" "), ...others.split(" ")] };
}

type StartOptions = { readonly environment: readonly string[]; readonly options: readonly string[] };

/** Makes the program in `folder` as a package has it, on the npm packages and the addon of this checkout or that of `root`, and gives the command that runs it. */
export async function packedProgram(folder: string, root = ROOT): Promise<readonly [string, ...string[]]> {
  rmSync(folder, { recursive: true, force: true });
  await packProgram(root, folder);
  for (const name of ["node_modules", "package.json"]) symlinkSync(join(root, name), join(folder, name));
  symlinkSync(join(root, "drivers/can/native"), join(folder, CODE, "native"));
  const { environment, options } = startOptions();
  return [ENV, ...environment, process.execPath, ...options, join(folder, CODE, "main.js")];
}

/** The command that runs the program from the sources of this checkout, with a debugger's port on 127.0.0.1. */
export function inspectedProgram(port: number): readonly [string, ...string[]] {
  const { environment, options } = startOptions();
  return [
    ENV,
    ...environment,
    process.execPath,
    `--inspect=127.0.0.1:${port}`,
    ...options,
    join(ROOT, "agent/main.ts"),
  ];
}
