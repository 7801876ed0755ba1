import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { unpackArchive } from "../../drivers/os/archive/unpack.ts";
import { digestFile } from "../../drivers/os/file-digest.ts";
import { RELEASE_LIMITS } from "../../drivers/os/versions/slots.ts";
import { checkBinaries, checkNoMachinePaths, elfFiles } from "./binaries.ts";
import { runCommand } from "./command.ts";
import { controlFile, type Release } from "./control.ts";
import { packControl, packSystemFiles } from "./debian-files.ts";
import { installedKib, normalise } from "./files.ts";
import { packNatives, stripNatives } from "./natives.ts";
import { fetchNode, packNode } from "./node-runtime.ts";
import { runtimePackages } from "./npm-closure.ts";
import { licenceTexts, packPackages } from "./npm-files.ts";
import { packProgram } from "./program-files.ts";
import { type Target, toolchainOf } from "./target.ts";

/** Where a build reads and writes, and how it packs. */
export type BuildPlan = {
  readonly root: string;
  /** Has the production npm packages in node_modules; everything made on the way goes in here too. */
  readonly workDir: string;
  readonly cacheDir: string;
  readonly outputDir: string;
  readonly release: Release;
  /** dpkg-deb's -Z: xz for what ships, gzip for a test, where time counts; there the release archive is compressed lightly too. */
  readonly compression: "xz" | "gzip";
};

/** One package that was made. */
export type BuiltPackage = {
  readonly file: string;
  readonly bytes: number;
  readonly installedKib: number;
  /** The program alone, as an artifact of kind agent for over-the-air updates. */
  readonly releaseFile: string;
};

/** Where the program lies in the package, relative to its root. */
const PROGRAM = "usr/lib/causeway";

/** Makes the package for one target. The same commit gives the same bytes. Throws `input.*` for what is missing or does not fit. */
export async function buildPackage(plan: BuildPlan, target: Target): Promise<BuiltPackage> {
  const { root, workDir, release } = plan;
  const toolchain = toolchainOf(target);
  const runtime = fetchNode(target, plan.cacheDir);
  const tree = join(workDir, target.architecture);
  rmSync(tree, { recursive: true, force: true });
  const program = join(tree, PROGRAM);
  mkdirSync(program, { recursive: true });

  const { bundled, imported } = await packProgram(root, program);
  const packages = runtimePackages(root, imported);
  packPackages(packages, workDir, program, target);
  packNatives({ root, workDir, destination: program, target, toolchain, runtime });
  stripNatives(
    elfFiles(program).map((path) => join(program, path)),
    toolchain,
  );
  packNode(runtime, toolchain, join(program, "node"));
  cpSync(join(root, "package.json"), join(program, "package.json"));
  // Whatever they depend on may be a part of what they publish.
  const foreign = runtimePackages(root, new Set([...bundled, ...imported]));
  const licensed = foreign.map((pack) => ({ ...pack, texts: licenceTexts(workDir, pack) }));
  normalise(program, release.epochSeconds);
  const releaseFile = join(plan.outputDir, `causeway-${release.debianVersion}-${target.architecture}.tar.gz`);
  await writeReleaseArchive(program, releaseFile, plan);
  const nodeLicence = readFileSync(join(runtime.folder, "LICENSE"));
  await packSystemFiles(root, tree, release, { bundled: licensed, nodeLicence });

  normalise(tree, release.epochSeconds);
  checkBinaries(program, target, toolchain);
  checkNoMachinePaths(tree, root);
  const kib = installedKib(tree);
  packControl(root, tree, controlFile(release, target, kib));
  normalise(tree, release.epochSeconds);
  const file = join(plan.outputDir, `causeway_${release.debianVersion}_${target.architecture}.deb`);
  writeArchive(tree, file, plan);
  return { file, bytes: statSync(file).size, installedKib: kib, releaseFile };
}

/** The same commit gives the same bytes. It is unpacked once as a vehicle does, so that nothing is released that a vehicle refuses. */
async function writeReleaseArchive(program: string, file: string, plan: BuildPlan): Promise<void> {
  const { workDir, release, compression } = plan;
  const { epochSeconds } = release;
  const owner = ["--owner=0", "--group=0", "--numeric-owner", `--mtime=@${epochSeconds}`];
  const names = ["--sort=name", "--format=gnu", `--use-compress-program=gzip -n${compression === "xz" ? "" : " -1"}`];
  mkdirSync(dirname(file), { recursive: true });
  runCommand("tar", ["--create", ...owner, ...names, "--file", file, "--directory", program, "."]);
  const trial = join(workDir, "release-trial");
  rmSync(trial, { recursive: true, force: true });
  await unpackArchive({ file, ...(await digestFile(file)), ...RELEASE_LIMITS }, trial, new AbortController().signal);
  rmSync(trial, { recursive: true });
}

/** dpkg-deb sorts what it packs and takes SOURCE_DATE_EPOCH as the time of the archive. */
function writeArchive(tree: string, file: string, { release, compression }: BuildPlan): void {
  const partial = join(dirname(tree), "partial.deb");
  runCommand(
    "dpkg-deb",
    [
      "--root-owner-group",
      `-Z${compression}`,
      compression === "xz" ? "-z6" : "-z1",
      "--threads-max=2",
      "--build",
      tree,
      partial,
    ],
    {
      environment: { SOURCE_DATE_EPOCH: String(release.epochSeconds) },
    },
  );
  mkdirSync(dirname(file), { recursive: true });
  renameSync(partial, file);
}
