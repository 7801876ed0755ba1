import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { z } from "zod";
import { AgentError, EXIT, FAULTS } from "../agent/core/errors.ts";
import { type BuildPlan, type BuiltPackage, buildPackage } from "./packaging/build.ts";
import { isInstalled, runCommand } from "./packaging/command.ts";
import type { Release } from "./packaging/control.ts";
import { installPackages } from "./packaging/npm-files.ts";
import { cannotRun, smokeTest } from "./packaging/smoke-run.ts";
import { NODE_VERSION, type Target, targetsOf, usageFault } from "./packaging/target.ts";

const ROOT = join(import.meta.dirname, "..");

const HELP = `usage: scripts/package [--arch amd64|arm64|all]... [--revision N] [--out FOLDER] [--no-smoke] [--fast]

Makes build/package/causeway_VERSION-N_ARCH.deb for the architecture of this machine, and beside it the release archive
causeway-VERSION-N-ARCH.tar.gz, which is an artifact of kind agent for causeway-sign manifest. VERSION is the one of package.json.

  --arch ARCH     for this architecture instead; may be given several times, and "all" is both
  --revision N    packaging of this version, 1 unless given
  --out FOLDER    where the packages go
  --no-smoke      do not unpack and run what was made (another machine's runs in qemu-user)
  --fast          for a first look: compress with gzip and not xz, which makes the package larger, and do not run what was made

Each package holds Node ${NODE_VERSION}. The same commit gives the same bytes. DEBFULLNAME and DEBEMAIL name the maintainer.

Examples:
  scripts/package --fast
  scripts/package --arch arm64
  scripts/package --arch all --revision 2
`;

/** Used where no distributor gives an address. */
const MAINTAINER = "Causeway maintainers <maintainers@causeway.invalid>";

const packageFile = z.object({ version: z.string().regex(/^\d+\.\d+\.\d+/), description: z.string() });

type Options = {
  readonly targets: readonly Target[];
  readonly revision: string;
  readonly outputDir: string;
  readonly smoke: boolean;
  readonly fast: boolean;
};

function say(line: string): void {
  process.stderr.write(`package: ${line}\n`);
}

function readOptions(): Options | undefined {
  const { values } = parseArgs({
    options: {
      arch: { type: "string", multiple: true },
      revision: { type: "string", default: "1" },
      out: { type: "string", default: join(ROOT, "build/package") },
      "no-smoke": { type: "boolean", default: false },
      fast: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return undefined;
  const targets = targetsOf(values.arch, process.arch);
  if (!/^\d+$/.test(values.revision))
    throw usageFault(`the revision ${values.revision} is not a number`, "give 1 or more");
  return {
    targets,
    revision: values.revision,
    outputDir: values.out,
    smoke: !values["no-smoke"] && !values.fast,
    fast: values.fast,
  };
}

function releaseOf(revision: string): Release {
  const { version, description } = packageFile.parse(JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")));
  const { SOURCE_DATE_EPOCH, DEBFULLNAME, DEBEMAIL } = process.env;
  const epoch = SOURCE_DATE_EPOCH ?? runCommand("git", ["-C", ROOT, "log", "-1", "--format=%ct"]).trim();
  return {
    version,
    debianVersion: `${version}-${revision}`,
    summary: description,
    maintainer: DEBFULLNAME !== undefined && DEBEMAIL !== undefined ? `${DEBFULLNAME} <${DEBEMAIL}>` : MAINTAINER,
    epochSeconds: Number(epoch),
  };
}

async function main(): Promise<number> {
  const options = readOptions();
  if (options === undefined) {
    process.stdout.write(HELP);
    return EXIT.ok;
  }
  if (process.versions.node !== NODE_VERSION) {
    throw usageFault(
      `Node ${NODE_VERSION} is packed, but this is ${process.versions.node}`,
      "renew the digests in target.ts",
    );
  }
  if (!isInstalled("dpkg-deb")) throw usageFault("dpkg-deb is missing", "build on Debian");
  removeLeftovers(options.outputDir);
  const workDir = join(options.outputDir, `work-${process.pid}`);
  try {
    const plan: BuildPlan = {
      root: ROOT,
      workDir,
      cacheDir: join(ROOT, ".cache/package"),
      outputDir: options.outputDir,
      release: releaseOf(options.revision),
      compression: options.fast ? "gzip" : "xz",
    };
    mkdirSync(workDir, { recursive: true });
    say("installing the npm packages");
    installPackages(ROOT, workDir);
    for (const target of options.targets) {
      say(`building for ${target.architecture}`);
      await report(await buildPackage(plan, target), target, options.smoke);
    }
    return EXIT.ok;
  } finally {
    rmSync(workDir, { recursive: true, force: true });
  }
}

/** What an interrupted build left behind; one that still runs keeps its folder. */
function removeLeftovers(outputDir: string): void {
  for (const path of globSync("work-*", { cwd: outputDir })) {
    if (!existsSync(`/proc/${path.slice("work-".length)}`))
      rmSync(join(outputDir, path), { recursive: true, force: true });
  }
}

/** A package that does not run is taken away again. */
async function report({ file, bytes, installedKib }: BuiltPackage, target: Target, smoke: boolean): Promise<void> {
  const reason = smoke ? cannotRun(target) : "not asked for";
  if (reason === undefined) {
    try {
      const { natives, modules, version } = await smokeTest(ROOT, file, target);
      say(
        `${version}: loads ${natives.length} native libraries and ${modules} files of code, writes SQLite, decodes a frame`,
      );
    } catch (thrown) {
      rmSync(file);
      throw thrown;
    }
  } else {
    say(`${target.architecture} was not run: ${reason}`);
  }
  const digest = createHash("sha256").update(readFileSync(file)).digest("hex");
  const sizes = `${(bytes / 1e6).toFixed(1)} MB, ${(installedKib / 1024).toFixed(0)} MiB installed`;
  process.stdout.write(`${relative(process.cwd(), file)} ${sizes}, sha256 ${digest}\n`);
}

try {
  process.exitCode = await main();
} catch (thrown) {
  if (!(thrown instanceof AgentError)) throw thrown;
  say(`${thrown.message}\n  remedy: ${thrown.remedy}`);
  process.exitCode = FAULTS[thrown.code].exit;
}
