import { FINISHED, failed, STOPPED, type StepOutcome } from "../step-outcome.ts";
import type { StepContext } from "../step-parts.ts";
import type { UpdateRecord } from "../update-record.ts";
import { artifactsOf, installProblem } from "./artifacts.ts";
import { waitUntilAllowed } from "./wait.ts";

/** The step `install`: unpacks and checks. What is installed is not touched yet. */
export async function install(
  record: UpdateRecord,
  parts: StepContext,
  signal: AbortSignal,
): Promise<StepOutcome<"install">> {
  if (!(await waitUntilAllowed(parts, signal))) return STOPPED;
  const problem = await parts.hooks.before(record, signal);
  if (signal.aborted) return STOPPED;
  if (problem !== undefined) return failed("hook-failed", problem);
  try {
    for (const { fetched, installer } of artifactsOf(record, parts)) await installer.stage(fetched, signal);
    return FINISHED;
  } catch (thrown) {
    return signal.aborted ? STOPPED : failed("install-failed", installProblem(thrown));
  }
}
