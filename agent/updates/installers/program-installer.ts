import { AgentError } from "../../core/errors.ts";
import type { DownloadFolder, FetchedArtifact, Installer, ProgramEnd, RunProgram } from "../../ports/update.ts";
import { requireDigest } from "../download/artifact-digest.ts";

/** A program that installs artifacts of kind exec: the vehicle's own list. */
export type ListedInstaller = {
  readonly name: string;
  readonly program: string;
  readonly timeoutSeconds: number;
};

export type ProgramInstallerParts = {
  readonly listed: readonly ListedInstaller[];
  readonly run: RunProgram;
  readonly downloads: Pick<DownloadFolder, "digestOf">;
};

/** What a program is asked to do, its first argument. */
type Verb = "check" | "install" | "commit" | "rollback";

const never = new AbortController().signal;

/**
 * Artifacts that a program of the vehicle's own list installs, as `PROGRAM check|install|commit|rollback FILE VERSION SHA256`. These are all
 * the arguments it ever gets. 0 is success. "check" changes nothing; each may come again after a power cut, and "rollback" also where
 * nothing was installed. The agent looks at the file itself before the first two: a program need not.
 */
export function createProgramInstaller(parts: ProgramInstallerParts): Installer {
  const call = (verb: Verb, artifact: FetchedArtifact, signal = never): Promise<void> =>
    callProgram(parts, verb, artifact, signal);
  return {
    stage: async (artifact, signal) => {
      await requireDigest(artifact, parts.downloads);
      await call("check", artifact, signal);
    },
    activate: async (artifact) => {
      await requireDigest(artifact, parts.downloads);
      await call("install", artifact);
      return "at-once";
    },
    trial: async () => ({ kind: "runs" }),
    commit: (artifact) => call("commit", artifact),
    rollback: async (artifact) => {
      await call("rollback", artifact);
      return "at-once";
    },
  };
}

async function callProgram(
  { listed, run }: ProgramInstallerParts,
  verb: Verb,
  { name, file, version, sha256, handler }: FetchedArtifact,
  signal: AbortSignal,
): Promise<void> {
  const found = listed.find((one) => one.name === handler);
  // The manifest was judged with this list; the configuration may have changed since.
  if (found === undefined) throw failed(name, verb, `handler ${handler} is not on the vehicle's list any more`);
  const end = await run(found.program, [verb, file, version, sha256], found.timeoutSeconds * 1000, signal);
  const problem = problemOf(end);
  if (problem !== undefined) throw failed(name, verb, `${found.name} ${problem}`);
}

/** What a program did wrong; undefined for one that ended with 0. */
export function problemOf(end: ProgramEnd): string | undefined {
  switch (end.kind) {
    case "exited":
      return end.code === 0 ? undefined : `ended with ${end.code}: ${end.stderr.trim().split("\n").at(-1) ?? ""}`;
    case "timed-out":
      return "took too long";
    case "not-run":
      return `could not be run: ${end.detail}`;
    case "stopped":
      return "was stopped";
  }
}

function failed(name: string, verb: Verb, problem: string): AgentError {
  return new AgentError("update.installer-failed", {
    what: `${name}: ${verb}: ${problem}`,
    remedy: "see the program in ota.installers",
  });
}
