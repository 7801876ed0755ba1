import { z } from "zod";
import { aborted } from "../../core/aborted.ts";
import type { Clock } from "../../core/clock.ts";
import { issueText } from "../../core/issue-text.ts";
import type { Journal } from "../../ports/journal.ts";
import type { ConfigSlot } from "../../ports/update.ts";
import type { HealthVerdict } from "../../updates/update-work.ts";
import {
  type ExecutionId,
  isSameExecution,
  type Job,
  type JobHandler,
  type JobOutcome,
  withdrawnBy,
} from "../job-runner.ts";

const SPACE = "job";
const KEY = "config";
/** How often the health is looked at, ms. */
const POLL_MS = 1000;

/** The document of new settings. They take the place of those of the last such job; none at all are the vehicle's own again. */
const configDocument = z.strictObject({
  version: z.literal("1.0"),
  operation: z.literal("config"),
  config: z.record(z.string(), z.unknown()),
});

/** "trying": they are, or are to be, on trial; "leaving": they did not prove themselves, and `detail` says why. */
const attempt = z.object({
  jobId: z.string(),
  executionNumber: z.int(),
  name: z.string(),
  phase: z.enum(["trying", "leaving"]),
  detail: z.string(),
});
type Attempt = z.infer<typeof attempt>;

/** What the handler of settings works with. */
export type ConfigJobParts = {
  readonly slot: ConfigSlot;
  readonly journal: Pick<Journal, "get" | "put">;
  readonly clock: Pick<Clock, "sleep" | "monotonicMs">;
  health(): HealthVerdict;
  /** New settings must prove themselves within this time, ms. */
  readonly healthTimeoutMs: number;
  /** Whether the process may end without breaking into an update. */
  mayRestart(): boolean;
  /** Ends the process so that it is started again. */
  restart(): void;
};

/** The handler of `config` documents, and what ends an attempt whose job is gone. */
export type ConfigJob = { readonly handler: JobHandler; abandon(job: ExecutionId): void };

/** Takes new settings whole or not at all: checked, on trial over a restart of the agent, and then kept or left. */
export function configJob(parts: ConfigJobParts): ConfigJob {
  return {
    handler: async (document, job, signal) => {
      while (!parts.mayRestart() && !signal.aborted && !job.withdrawn.aborted) {
        job.report({ phase: "queued", reason: "an update is under way" });
        await parts.clock.sleep(POLL_MS, AbortSignal.any([signal, job.withdrawn]));
      }
      if (signal.aborted) return "stopped";
      const known = attemptOf(parts, job);
      if (known === undefined) return await begin(parts, document, job, signal);
      return known.phase === "leaving" ? await rollback(parts, known, signal) : await goOn(parts, known, job, signal);
    },
    abandon: (job) => {
      const known = attemptOf(parts, job);
      if (known === undefined) return;
      remember(parts, undefined);
      if (parts.slot.rollback(known.name) === "restart") parts.restart();
    },
  };
}

/** Why a `config` document would not be taken; undefined for one that would. */
export async function problemOfSettings(document: unknown, slot: ConfigSlot): Promise<string | undefined> {
  const parsed = configDocument.safeParse(document);
  if (!parsed.success) return `malformed: ${issueText(parsed.error)}`;
  const problem = await slot.check(parsed.data.config);
  return problem === undefined ? undefined : `invalid: ${problem}`;
}

async function begin(
  parts: ConfigJobParts,
  document: unknown,
  job: Job,
  signal: AbortSignal,
): Promise<JobOutcome | "stopped"> {
  const parsed = configDocument.safeParse(document);
  if (!parsed.success) return ended("REJECTED", `malformed: ${issueText(parsed.error)}`);
  const { name, problem } = await parts.slot.stage(parsed.data.config);
  if (problem !== undefined) return ended("REJECTED", `invalid: ${problem}`);
  if (parts.slot.running(name)) return ended("SUCCEEDED", "in force already");
  const { jobId, executionNumber } = job;
  const begun: Attempt = { jobId, executionNumber, name, phase: "trying", detail: "" };
  remember(parts, begun);
  return await goOn(parts, begun, job, signal);
}

async function goOn(
  parts: ConfigJobParts,
  known: Attempt,
  job: Job,
  signal: AbortSignal,
): Promise<JobOutcome | "stopped"> {
  const { slot, clock } = parts;
  if (slot.running(known.name)) return commit(parts, known);
  const trial = slot.trial(known.name);
  if (trial.kind === "went-back") return await rollback(parts, { ...known, detail: trial.detail }, signal);
  if (slot.activate(known.name) === "restart") return await restarted(parts, signal);
  const endMs = clock.monotonicMs() + parts.healthTimeoutMs;
  for (;;) {
    const health = parts.health();
    if (signal.aborted) return "stopped";
    if (job.withdrawn.aborted)
      return await rollback(parts, { ...known, detail: `cancelled ${withdrawnBy(job)}` }, signal);
    if (health.kind === "healthy") break;
    if (clock.monotonicMs() >= endMs) return await rollback(parts, { ...known, detail: health.missing }, signal);
    job.report({ phase: "prove", waitingFor: health.missing });
    await clock.sleep(POLL_MS, AbortSignal.any([signal, job.withdrawn]));
  }
  slot.commit(known.name);
  return commit(parts, known);
}

function commit(parts: ConfigJobParts, { name }: Attempt): JobOutcome {
  remember(parts, undefined);
  return { status: "SUCCEEDED", details: { settings: name } };
}

async function rollback(parts: ConfigJobParts, known: Attempt, signal: AbortSignal): Promise<JobOutcome | "stopped"> {
  remember(parts, { ...known, phase: "leaving" });
  if (parts.slot.rollback(known.name) === "restart") return await restarted(parts, signal);
  remember(parts, undefined);
  return ended("FAILED", `the settings before are back: ${known.detail}`);
}

/** The job goes on in the next process. */
async function restarted(parts: ConfigJobParts, signal: AbortSignal): Promise<"stopped"> {
  parts.restart();
  await aborted(signal);
  return "stopped";
}

function attemptOf({ journal }: ConfigJobParts, job: ExecutionId): Attempt | undefined {
  const found = attempt.safeParse(journal.get(SPACE, KEY)).data;
  return found !== undefined && isSameExecution(found, job) ? found : undefined;
}

function remember({ journal }: ConfigJobParts, value: Attempt | undefined): void {
  journal.put([{ space: SPACE, key: KEY, value }]);
}

function ended(status: JobOutcome["status"], reason: string): JobOutcome {
  return { status, details: { reason } };
}
