import { z } from "zod";
import { aborted } from "../../core/aborted.ts";
import type { Clock } from "../../core/clock.ts";
import { issueText } from "../../core/issue-text.ts";
import type { Journal } from "../../ports/journal.ts";
import type { ConfigSlot } from "../../ports/update.ts";
import type { HealthVerdict } from "../../updates/step-parts.ts";
import { isSettled } from "../../updates/update-state.ts";
import type { Updater } from "../../updates/updater.ts";
import { ExecutionMemory } from "../execution-memory.ts";
import { type ExecutionId, ended, type Job, type JobHandler, type JobOutcome, withdrawnBy } from "../job.ts";

/** How often the health is looked at, ms: it is made of counts and states that nobody announces, and of time. */
const POLL_MS = 1000;

/** The document of new settings. They take the place of those of the last such job; none at all are the vehicle's own again. */
const configDocument = z.strictObject({
  version: z.literal("1.0"),
  operation: z.literal("config"),
  config: z.record(z.string(), z.unknown()),
});

/** "trying": they are, or are to be, on trial; "leaving": they did not stand their health check, and `detail` says why. */
const attempt = z.object({
  name: z.string(),
  phase: z.enum(["trying", "leaving"]),
  detail: z.string(),
});
type Attempt = z.infer<typeof attempt>;

export type ConfigJobParts = {
  readonly slot: ConfigSlot;
  readonly journal: Pick<Journal, "get" | "put">;
  readonly clock: Pick<Clock, "sleep" | "monotonicMs">;
  health(): HealthVerdict;
  /** New settings must prove themselves within this time, ms. */
  readonly healthTimeoutMs: number;
  /** New settings end the process, which must not break into an update. */
  readonly updater: Pick<Updater, "current" | "changed">;
  /** Ends the process so that it is started again. */
  restart(): void;
};

/** The handler of `config` documents, and what ends an attempt whose job is gone. */
export type ConfigJob = { readonly handler: JobHandler; abandon(job: ExecutionId): void };

/** Takes new settings whole or not at all: checked, on trial over a restart of the agent, and then committed or rolled back. */
export function configJob(parts: ConfigJobParts): ConfigJob {
  const memory = new ExecutionMemory(parts.journal, "config", attempt);
  return {
    handler: async (document, job, signal) => {
      await untilNoUpdate(parts.updater, job, signal);
      if (signal.aborted) return "stopped";
      const trial = new SettingsTrial(parts, memory, job);
      const known = memory.of(job);
      if (known === undefined) return await trial.begin(document, signal);
      return known.phase === "leaving" ? await trial.rollback(known, signal) : await trial.goOn(known, signal);
    },
    abandon: (job) => {
      const known = memory.of(job);
      if (known === undefined) return;
      memory.forget();
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

/** New settings end the process, which must not break into an update. */
async function untilNoUpdate(updater: ConfigJobParts["updater"], job: Job, signal: AbortSignal): Promise<void> {
  const either = AbortSignal.any([signal, job.withdrawn]);
  const isUnderWay = (): boolean => {
    const update = updater.current();
    return update !== undefined && !isSettled(update.state);
  };
  while (isUnderWay() && !either.aborted) {
    job.report({ phase: "queued", reason: "an update is under way" });
    await updater.changed(either);
  }
}

/** The settings of one execution, from their check to their end. */
class SettingsTrial {
  readonly #parts: ConfigJobParts;
  readonly #memory: ExecutionMemory<Attempt>;
  readonly #job: Job;

  constructor(parts: ConfigJobParts, memory: ExecutionMemory<Attempt>, job: Job) {
    this.#parts = parts;
    this.#memory = memory;
    this.#job = job;
  }

  async begin(document: unknown, signal: AbortSignal): Promise<JobOutcome | "stopped"> {
    const { slot } = this.#parts;
    const parsed = configDocument.safeParse(document);
    if (!parsed.success) return ended("REJECTED", `malformed: ${issueText(parsed.error)}`);
    const { name, problem } = await slot.stage(parsed.data.config);
    if (problem !== undefined) return ended("REJECTED", `invalid: ${problem}`);
    if (slot.running(name)) return ended("SUCCEEDED", "in force already");
    const begun: Attempt = { name, phase: "trying", detail: "" };
    this.#memory.remember(this.#job, begun);
    return await this.goOn(begun, signal);
  }

  async goOn(known: Attempt, signal: AbortSignal): Promise<JobOutcome | "stopped"> {
    const { slot } = this.#parts;
    if (slot.running(known.name)) return this.#commit(known);
    const trial = slot.trial(known.name);
    if (trial.kind === "rolled-back") return await this.rollback({ ...known, detail: trial.detail }, signal);
    if (slot.activate(known.name) === "restart") return await this.#restart(signal);
    const problem = await this.#checkHealth(signal);
    if (signal.aborted) return "stopped";
    if (problem !== undefined) return await this.rollback({ ...known, detail: problem }, signal);
    slot.commit(known.name);
    return this.#commit(known);
  }

  async rollback(known: Attempt, signal: AbortSignal): Promise<JobOutcome | "stopped"> {
    const { slot } = this.#parts;
    this.#memory.remember(this.#job, { ...known, phase: "leaving" });
    if (slot.rollback(known.name) === "restart") return await this.#restart(signal);
    this.#memory.forget();
    return ended("FAILED", `the settings before are back: ${known.detail}`);
  }

  /** Why the settings are given up; undefined when the agent is healthy with them, or when `signal` aborts. */
  async #checkHealth(signal: AbortSignal): Promise<string | undefined> {
    const { clock, healthTimeoutMs } = this.#parts;
    const { withdrawn } = this.#job;
    const endMs = clock.monotonicMs() + healthTimeoutMs;
    while (!signal.aborted) {
      const health = this.#parts.health();
      if (withdrawn.aborted) return `cancelled ${withdrawnBy(this.#job)}`;
      if (health.kind === "healthy") return undefined;
      if (clock.monotonicMs() >= endMs) return health.missing;
      this.#job.report({ phase: "health-check", waitingFor: health.missing });
      await clock.sleep(POLL_MS, AbortSignal.any([signal, withdrawn]));
    }
    return undefined;
  }

  #commit({ name }: Attempt): JobOutcome {
    this.#memory.forget();
    return { status: "SUCCEEDED", details: { settings: name } };
  }

  /** The job goes on in the next process. */
  async #restart(signal: AbortSignal): Promise<"stopped"> {
    this.#parts.restart();
    await aborted(signal);
    return "stopped";
  }
}
