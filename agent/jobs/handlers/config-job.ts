import { z } from "zod";
import type { Clock } from "../../core/clock.ts";
import { AgentError, errnoOf, messageOf } from "../../core/errors.ts";
import { issueText } from "../../core/issue-text.ts";
import type { Log } from "../../core/log.ts";
import { plainText } from "../../core/plain-text.ts";
import type { ConfigSlot } from "../../ports/update.ts";
import { ended, isSameExecution, type Job, type JobHandler, type JobOutcome, withdrawnBy } from "../job.ts";
import type { SettingsEnd, SettingsTrials } from "../settings/settings-trials.ts";

/** Wait after a try that failed for what may pass, ms. */
const RETRY_MS = 60_000;
/** Longest reason that is told of such a try, characters. */
const MAX_REASON = 500;

/** The document of new settings. They take the place of those of the last such job; none at all are the vehicle's own again. */
const configDocument = z.strictObject({
  version: z.literal("1.0"),
  operation: z.literal("config"),
  config: z.record(z.string(), z.unknown()),
});

/** What is logged, and what it is waited by. */
export type ConfigJobEnvironment = { readonly clock: Pick<Clock, "sleep">; readonly log: Log };

/** The handler of `config` documents. What may pass, a full disk for example, ends no job: the next one would find its attempt in the way. */
export function configJob(
  trials: Pick<SettingsTrials, "inTurn" | "carryOut" | "abandon" | "latest">,
  environment: ConfigJobEnvironment,
): JobHandler {
  return async (document, job, signal) => {
    for (;;) {
      try {
        return await attempt(document, job, trials, signal);
      } catch (thrown) {
        // The journal's faults are for the runner, which gets the same execution again.
        if (thrown instanceof AgentError) throw thrown;
        if (errnoOf(thrown) === undefined) {
          trials.abandon(job);
          throw thrown;
        }
        await waitToTryAgain(thrown, job, environment, signal);
      }
    }
  };
}

/** Goes on with what was begun, or begins. Who has begun waits for its turn also when it is withdrawn: what is on trial is to be taken back. */
async function attempt(
  document: unknown,
  job: Job,
  trials: Pick<SettingsTrials, "inTurn" | "carryOut" | "latest">,
  signal: AbortSignal,
): Promise<JobOutcome | "stopped"> {
  const source = sourceOf(job);
  const latest = trials.latest();
  const hasBegun = latest !== undefined && isSameExecution(latest, source.id);
  const patience = hasBegun ? signal : AbortSignal.any([signal, job.withdrawn]);
  const outcome = await trials.inTurn(source, patience, async () => {
    const parsed = configDocument.safeParse(document);
    if (!parsed.success) return ended("REJECTED", `malformed: ${issueText(parsed.error)}`);
    const end = await trials.carryOut(source, parsed.data.config, signal);
    return end === "stopped" ? end : outcomeOf(end);
  });
  if (outcome !== "aborted") return outcome;
  return signal.aborted ? "stopped" : ended("FAILED", `nothing was begun: cancelled ${withdrawnBy(job)}`);
}

/** A withdrawal ends the wait once; what cannot be taken back then is waited for. */
async function waitToTryAgain(
  thrown: unknown,
  job: Job,
  { clock, log }: ConfigJobEnvironment,
  signal: AbortSignal,
): Promise<void> {
  const what = messageOf(thrown);
  log.error("settings.not-tried", { jobId: job.jobId, what });
  job.report({ phase: "queued", reason: `another try: ${plainText(what, MAX_REASON)}` });
  await clock.sleep(RETRY_MS, job.withdrawn.aborted ? signal : AbortSignal.any([signal, job.withdrawn]));
}

/** Why a `config` document would not be taken; undefined for one that would. */
export async function problemOfSettings(document: unknown, slot: ConfigSlot): Promise<string | undefined> {
  const parsed = configDocument.safeParse(document);
  if (!parsed.success) return `malformed: ${issueText(parsed.error)}`;
  const problem = await slot.check(parsed.data.config);
  return problem === undefined ? undefined : `invalid: ${problem}`;
}

function sourceOf(job: Job) {
  const { jobId, executionNumber, withdrawn } = job;
  return {
    id: { jobId, executionNumber },
    report: (details: Parameters<Job["report"]>[0]): void => job.report(details),
    withdrawn: { signal: withdrawn, reason: () => withdrawnBy(job) },
  };
}

function outcomeOf(end: SettingsEnd): JobOutcome {
  switch (end.kind) {
    case "kept":
      return end.isNew
        ? { status: "SUCCEEDED", details: { settings: end.name } }
        : ended("SUCCEEDED", "in force already");
    case "refused":
      return ended("REJECTED", `invalid: ${end.detail}`);
    case "taken-back":
      return ended("FAILED", `the settings before are back: ${end.detail}`);
  }
}
