import { z } from "zod";
import { issueText } from "../../core/issue-text.ts";
import type { ConfigSlot } from "../../ports/update.ts";
import { ended, type Job, type JobHandler, type JobOutcome, withdrawnBy } from "../job.ts";
import type { SettingsEnd, SettingsTrials } from "../settings/settings-trials.ts";

/** The document of new settings. They take the place of those of the last such job; none at all are the vehicle's own again. */
const configDocument = z.strictObject({
  version: z.literal("1.0"),
  operation: z.literal("config"),
  config: z.record(z.string(), z.unknown()),
});

/** The handler of `config` documents. */
export function configJob(trials: Pick<SettingsTrials, "inTurn" | "carryOut">): JobHandler {
  return async (document, job, signal) => {
    const either = AbortSignal.any([signal, job.withdrawn]);
    const source = sourceOf(job);
    const outcome = await trials.inTurn(source, either, async () => {
      const parsed = configDocument.safeParse(document);
      if (!parsed.success) return ended("REJECTED", `malformed: ${issueText(parsed.error)}`);
      const end = await trials.carryOut(source, parsed.data.config, signal);
      return end === "stopped" ? end : outcomeOf(end);
    });
    if (outcome !== "aborted") return outcome;
    return signal.aborted ? "stopped" : ended("FAILED", `nothing was begun: cancelled ${withdrawnBy(job)}`);
  };
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
