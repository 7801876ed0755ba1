import { readFileSync } from "node:fs";
import { join } from "node:path";
import { bashCompletion, fishCompletion, zshCompletion } from "../agent/cli/help/completions.ts";
import { manPage } from "../agent/cli/help/man-page.ts";
import { readCommandTree } from "./packaging/command-tree.ts";

const HELP = `usage: node scripts/man.ts man|bash|zsh|fish

Writes the man page causeway(1), or the completion for one shell, to stdout. They are made from the program's own command tree.

Example:
  node scripts/man.ts man | man -l -
`;

const ROOT = join(import.meta.dirname, "..");

async function main(kind: string | undefined): Promise<number> {
  const packageFile: unknown = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const version =
    typeof packageFile === "object" && packageFile !== null && "version" in packageFile
      ? String(packageFile.version)
      : "";
  const tree = await readCommandTree(version);
  switch (kind) {
    case "man": {
      process.stdout.write(manPage({ tree, version, date: new Date().toISOString().slice(0, 10) }));
      return 0;
    }
    case "bash":
      process.stdout.write(bashCompletion(tree));
      return 0;
    case "zsh":
      process.stdout.write(zshCompletion(tree));
      return 0;
    case "fish":
      process.stdout.write(fishCompletion(tree));
      return 0;
    case "--help":
    case "-h":
      process.stdout.write(HELP);
      return 0;
    default:
      process.stderr.write(HELP);
      return 64;
  }
}

process.exitCode = await main(process.argv[2]);
