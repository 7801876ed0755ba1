import { AgentError, messageOf } from "../../core/errors.ts";
import { type FetchedArtifact, INSTALL_EFFECTS, type InstallEffect, type Installer } from "../../ports/update.ts";
import { type Failed, failed } from "../step-outcome.ts";
import type { StepContext } from "../step-parts.ts";
import { type Artifact, parseManifest } from "../trust/manifest.ts";
import type { UpdateRecord } from "../update-record.ts";

/** One artifact of an update, with what installs it. */
export type InstallableArtifact = {
  readonly artifact: Artifact;
  readonly fetched: FetchedArtifact;
  readonly installer: Installer;
};

/** The artifacts of an update, in the order of its manifest. */
export function artifactsOf(
  { digest, request }: UpdateRecord,
  { installers, folder }: Pick<StepContext, "installers" | "folder">,
): readonly InstallableArtifact[] {
  return parseManifest(request.manifest).artifacts.map((artifact) => {
    const { name, version, sizeBytes, sha256, kind, handler } = artifact;
    const installer = installers[kind];
    // The manifest was verified with the kinds of these installers.
    if (installer === undefined) throw new Error(`no installer for ${kind}`);
    const fetched = { name, version, sizeBytes, sha256, handler, file: folder.fileOf(digest, name) };
    return { artifact, fetched, installer };
  });
}

/** The supervisor has put the old version of an artifact back; undefined when it has not. */
export async function supervisorRolledBack(
  artifacts: readonly InstallableArtifact[],
): Promise<Failed<"supervisor-rolled-back"> | undefined> {
  for (const { fetched, installer } of artifacts) {
    const trial = await installer.trial(fetched);
    if (trial.kind === "rolled-back") return failed("supervisor-rolled-back", trial.detail);
  }
  return undefined;
}

/** What must start anew when each of these asks for it. */
export function strongestOf(effects: readonly InstallEffect[]): InstallEffect {
  return INSTALL_EFFECTS.findLast((effect) => effects.includes(effect)) ?? "at-once";
}

/** What a disk or an archive did wrong, for people. Throws anything without a code of the system or of ours again: that is a bug. */
export function installProblem(thrown: unknown): string {
  const isOfSystem = thrown instanceof Error && "code" in thrown && typeof thrown.code === "string";
  if (thrown instanceof AgentError || isOfSystem) return messageOf(thrown);
  throw thrown;
}
