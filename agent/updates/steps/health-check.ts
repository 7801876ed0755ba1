import { FINISHED, failed, STOPPED, type StepOutcome } from "../step-outcome.ts";
import type { StepContext } from "../step-parts.ts";
import type { UpdateRecord } from "../update-record.ts";
import { artifactsOf, installProblem, supervisorRolledBack } from "./artifacts.ts";

/** Between two looks at the health, ms. It is made of counts and ages of many parts, which announce nothing. */
const POLL_MS = 1000;

type Outcome = StepOutcome<"health-check">;

/** The step `health-check`: the new version runs, and must be healthy within a time. */
export async function checkHealth(record: UpdateRecord, parts: StepContext, signal: AbortSignal): Promise<Outcome> {
  const early = await trialOutcome(record, parts).catch((thrown: unknown) =>
    failed("install-failed", installProblem(thrown)),
  );
  return early ?? (await waitUntilHealthy(record, parts, signal));
}

/** What keeps the new version from being judged; undefined when every artifact runs. */
async function trialOutcome(record: UpdateRecord, parts: StepContext): Promise<Outcome | undefined> {
  const artifacts = artifactsOf(record, parts);
  const rolledBack = await supervisorRolledBack(artifacts);
  if (rolledBack !== undefined) return rolledBack;
  for (const { artifact, fetched, installer } of artifacts) {
    const { kind } = await installer.trial(fetched);
    if (kind === "none") return failed("unhealthy", `${artifact.name} is not what runs`);
    if (kind === "pending") return { kind: "postponed" };
  }
  return undefined;
}

async function waitUntilHealthy(record: UpdateRecord, parts: StepContext, signal: AbortSignal): Promise<Outcome> {
  const { checks, clock, progress } = parts;
  const endMs = clock.monotonicMs() + checks.healthTimeoutMs;
  try {
    while (!signal.aborted) {
      const health = checks.health();
      if (health.kind === "healthy") return await afterwards(record, parts, signal);
      if (clock.monotonicMs() >= endMs) return failed("unhealthy", health.missing);
      progress.waitingFor = health.missing;
      await clock.sleep(POLL_MS, signal);
    }
    return STOPPED;
  } finally {
    progress.waitingFor = undefined;
  }
}

async function afterwards(record: UpdateRecord, { hooks }: StepContext, signal: AbortSignal): Promise<Outcome> {
  const problem = await hooks.after(record, signal);
  if (signal.aborted) return STOPPED;
  return problem === undefined ? FINISHED : failed("hook-failed", problem);
}
