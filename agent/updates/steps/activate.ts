import type { InstallEffect } from "../../ports/update.ts";
import { failed, STOPPED, type StepOutcome } from "../step-outcome.ts";
import type { StepContext } from "../step-parts.ts";
import type { UpdateRecord } from "../update-record.ts";
import { artifactsOf, installProblem, strongestOf, supervisorRolledBack } from "./artifacts.ts";
import { waitUntilAllowed } from "./wait.ts";

/**
 * The step `activate`: makes what is staged the version that starts. A version that the supervisor has put back before that was noted must
 * not get another trial. Hooks, unpacking and the artifact before may have taken an hour, in which the vehicle has driven off: the gate
 * is asked before each.
 */
export async function activate(
  record: UpdateRecord,
  parts: StepContext,
  signal: AbortSignal,
): Promise<StepOutcome<"activate">> {
  const artifacts = artifactsOf(record, parts);
  try {
    const rolledBack = await supervisorRolledBack(artifacts);
    if (rolledBack !== undefined) return rolledBack;
    const effects: InstallEffect[] = [];
    for (const { fetched, installer } of artifacts) {
      if (!(await waitUntilAllowed(parts, signal))) return STOPPED;
      effects.push(await installer.activate(fetched));
    }
    return { kind: "finished", effect: strongestOf(effects) };
  } catch (thrown) {
    return failed("install-failed", installProblem(thrown));
  }
}
