import { globSync } from "node:fs";
import { join } from "node:path";
import { AgentError } from "../../agent/core/errors.ts";
import { runCommand } from "../packaging/command.ts";
import { cached, digestOf, ROOT } from "./cached.ts";

/** What goes into a package; it is built again when any of it changed. */
const SOURCES = ["agent", "config", "drivers", "systemd", "scripts/packaging", "scripts/package.ts", ".npmrc"]
  .concat(["package.json", "package-lock.json", "README.md", "CHANGELOG.md"])
  .map((path) => join(ROOT, path));
/** The date of all that is in it, so that a commit that changes none of its sources gives the same package. */
const SOURCE_DATE_EPOCH = "1750000000";

/** The Debian package of these sources, lightly compressed and not tried: one build serves every test. Throws what scripts/package wrote when it fails. */
export async function builtPackage(
  architecture: string,
  say: (what: string) => void = () => undefined,
): Promise<string> {
  const folder = await cached(`deb-${architecture}`, digestOf([SOURCE_DATE_EPOCH], SOURCES), async (fresh) => {
    say("building the package");
    buildPackage(architecture, fresh);
  });
  return packageIn(folder, architecture);
}

/** Builds it in `folder`, and gives its file. */
export function buildPackage(architecture: string, folder: string): string {
  const args = ["--arch", architecture, "--fast", "--no-smoke", "--out", folder];
  runCommand(join(ROOT, "scripts/package"), args, { environment: { SOURCE_DATE_EPOCH } });
  return packageIn(folder, architecture);
}

function packageIn(folder: string, architecture: string): string {
  const [file] = globSync(join(folder, `*_${architecture}.deb`));
  if (file !== undefined) return file;
  throw new AgentError("internal.bug", { what: `no package in ${folder}`, remedy: "remove it" });
}
