import { FINISHED, type StepOutcome } from "../step-outcome.ts";
import type { StepContext } from "../step-parts.ts";
import { parseManifest } from "../trust/manifest.ts";
import type { UpdateRecord } from "../update-record.ts";
import { artifactsOf, installProblem, supervisorRolledBack } from "./artifacts.ts";

/**
 * The step `commit`. The trial ends before the rollback index rises: until both are done no other update is taken, so nothing older can
 * slip in between.
 */
export async function commit(record: UpdateRecord, parts: StepContext): Promise<StepOutcome<"commit">> {
  const artifacts = artifactsOf(record, parts);
  try {
    const rolledBack = await supervisorRolledBack(artifacts);
    if (rolledBack !== undefined) return rolledBack;
    for (const { fetched, installer } of artifacts) await installer.commit(fetched);
    const { component, sequenceNumber } = parseManifest(record.request.manifest);
    await parts.rollbackIndexes.advance({ component, sequenceNumber, digest: record.digest });
    await parts.folder.clear();
    return FINISHED;
  } catch (thrown) {
    return { kind: "unfinished", detail: installProblem(thrown) };
  }
}
