import { AgentError } from "../../core/errors.ts";
import type { DownloadFolder, FetchedArtifact } from "../../ports/update.ts";

/** Rejects with `update.unfit` unless the file is now what the manifest says: what was verified may have lain there for weeks. */
export async function requireDigest(
  { file, name, sha256 }: FetchedArtifact,
  downloads: Pick<DownloadFolder, "digestOf">,
): Promise<void> {
  if ((await downloads.digestOf(file)) === sha256) return;
  throw new AgentError("update.unfit", {
    what: `${name}: its SHA-256 is not what the manifest says`,
    remedy: "have the release built and signed anew",
  });
}
