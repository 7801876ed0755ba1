import { z } from "zod";
import { aborted } from "../../core/aborted.ts";
import { ChangeSignal } from "../../core/change-signal.ts";
import type { Clock } from "../../core/clock.ts";
import type { Journal } from "../../ports/journal.ts";
import type { ConfigSlot } from "../../ports/update.ts";
import type { HealthVerdict } from "../../updates/step-parts.ts";
import { isSettled } from "../../updates/update-state.ts";
import type { Updater } from "../../updates/updater.ts";
import { ExecutionMemory } from "../execution-memory.ts";
import { type ExecutionId, isSameExecution, type JobDetails } from "../job.ts";

/** How often the health is looked at, ms: it is made of counts and states that nobody announces, and of time. */
const POLL_MS = 1000;

const UPDATING = "an update is under way";

/** "trying": they are, or are to be, on trial; "leaving": they did not stand their health check, and `detail` says why. */
const attempt = z.object({
  name: z.string(),
  phase: z.enum(["trying", "leaving"]),
  detail: z.string(),
});
type Attempt = z.infer<typeof attempt>;

export type Settings = Readonly<Record<string, unknown>>;

export type SettingsTrialsParts = {
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
  /** Whether somebody goes on with what this one has begun: the source of its settings is still configured. */
  readonly isServed: (by: ExecutionId) => boolean;
};

/** Who wants settings tried: a job, or the shadow. It is the same one over restarts. */
export type SettingsSource = {
  readonly id: ExecutionId;
  /** Takes what has been reached, for people. */
  report(details: JobDetails): void;
  /** The settings are not wanted any more: the attempt ends, and the ones before come back. The reason is for people. */
  readonly withdrawn: { readonly signal: AbortSignal; reason(): string };
  /** Called before the attempt is forgotten, so that who keeps its end knows it whenever the power is cut. */
  ended?(end: SettingsEnd): void;
};

/** How settings ended. "kept": they are in force, `isNew` says whether they were not before. "refused": nothing was begun. "taken-back": they did not stand their health check, and those before are back. */
export type SettingsEnd =
  | { readonly kind: "kept"; readonly name: string; readonly isNew: boolean }
  | { readonly kind: "refused" | "taken-back"; readonly detail: string };

/**
 * Takes new settings whole or not at all: checked, on trial over a restart of the agent, and then committed or rolled back. One attempt
 * at a time, over restarts, whoever wants it; the next one waits for its turn.
 */
export class SettingsTrials {
  readonly #parts: SettingsTrialsParts;
  readonly #memory: ExecutionMemory<Attempt>;
  readonly #free = new ChangeSignal();
  #isTaken = false;

  constructor(parts: SettingsTrialsParts) {
    this.#parts = parts;
    this.#memory = new ExecutionMemory(parts.journal, "config", attempt);
  }

  /** Whose attempt is under way. */
  latest(): ExecutionId | undefined {
    return this.#memory.latest();
  }

  /** Runs `work` when no update is under way and nobody else tries settings; "aborted" when `signal` aborts before. */
  async inTurn<T>(
    { id, report }: Pick<SettingsSource, "id" | "report">,
    signal: AbortSignal,
    work: () => Promise<T>,
  ): Promise<T | "aborted"> {
    for (let reason = this.#obstacle(id); reason !== undefined; reason = this.#obstacle(id)) {
      if (signal.aborted) return "aborted";
      report({ phase: "queued", reason });
      const over = new AbortController();
      const either = AbortSignal.any([signal, over.signal]);
      await Promise.race([this.#parts.updater.changed(either), this.#free.next(either)]);
      over.abort();
    }
    this.#isTaken = true;
    try {
      return await work();
    } finally {
      this.#isTaken = false;
      this.#free.notify();
    }
  }

  /** Tries settings, or goes on with what was begun for the same source, `settings` then being of no account. In turn. */
  async carryOut(source: SettingsSource, settings: Settings, signal: AbortSignal): Promise<SettingsEnd | "stopped"> {
    const known = this.#memory.of(source.id);
    if (known !== undefined) return await this.#resume(source, known, signal);
    const { slot } = this.#parts;
    const { name, problem } = await slot.stage(settings);
    if (problem !== undefined) return { kind: "refused", detail: problem };
    await this.#untilUpdated(source, signal);
    if (signal.aborted) return "stopped";
    if (slot.running(name)) return { kind: "kept", name, isNew: false };
    const begun: Attempt = { name, phase: "trying", detail: "" };
    this.#memory.remember(source.id, begun);
    return await this.#goOn(source, begun, signal);
  }

  /** Ends the attempt of one that nobody goes on with. Throws the system's error where it cannot be taken back now: it is remembered then. */
  abandon(id: ExecutionId): void {
    const known = this.#memory.of(id);
    if (known === undefined) return;
    const effect = this.#parts.slot.rollback(known.name);
    this.#memory.forget();
    if (effect === "restart") this.#parts.restart();
    this.#free.notify();
  }

  /** Waits while an update is under way, or until `signal` aborts. Whether there was one. */
  async #untilUpdated({ report }: Pick<SettingsSource, "report">, signal: AbortSignal): Promise<boolean> {
    if (!this.#isUpdating()) return false;
    report({ phase: "queued", reason: UPDATING });
    while (this.#isUpdating() && !signal.aborted) await this.#parts.updater.changed(signal);
    return true;
  }

  #isUpdating(): boolean {
    const update = this.#parts.updater.current();
    return update !== undefined && !isSettled(update.state);
  }

  /** What stands against an attempt of this one, for people. */
  #obstacle(id: ExecutionId): string | undefined {
    const { isServed } = this.#parts;
    if (this.#isUpdating()) return UPDATING;
    if (this.#isTaken) return "other settings are tried";
    const latest = this.#memory.latest();
    if (latest === undefined || isSameExecution(latest, id)) return undefined;
    if (isServed(latest)) return "other settings are tried";
    this.abandon(latest);
    return undefined;
  }

  async #resume(source: SettingsSource, known: Attempt, signal: AbortSignal): Promise<SettingsEnd | "stopped"> {
    return known.phase === "leaving"
      ? await this.#rollback(source, known, signal)
      : await this.#goOn(source, known, signal);
  }

  async #goOn(source: SettingsSource, known: Attempt, signal: AbortSignal): Promise<SettingsEnd | "stopped"> {
    const { slot } = this.#parts;
    if (slot.running(known.name)) return this.#keep(source, known);
    const trial = slot.trial(known.name);
    if (trial.kind === "rolled-back") return await this.#rollback(source, { ...known, detail: trial.detail }, signal);
    const cancelled = cancelledText(source);
    if (trial.kind === "none" && cancelled !== undefined)
      return await this.#rollback(source, { ...known, detail: cancelled }, signal);
    if (slot.activate(known.name) === "restart") return await this.#restart(signal);
    const problem = await this.#checkHealth(source, signal);
    if (signal.aborted) return "stopped";
    if (problem !== undefined) return await this.#rollback(source, { ...known, detail: problem }, signal);
    slot.commit(known.name);
    return this.#keep(source, known);
  }

  async #rollback(source: SettingsSource, known: Attempt, signal: AbortSignal): Promise<SettingsEnd | "stopped"> {
    const { slot } = this.#parts;
    this.#memory.remember(source.id, { ...known, phase: "leaving" });
    if (slot.rollback(known.name) === "restart") return await this.#restart(signal);
    return this.#end(source, { kind: "taken-back", detail: known.detail });
  }

  /** Why the settings are given up; undefined when the agent is healthy with them, or when `signal` aborts. */
  async #checkHealth(source: SettingsSource, signal: AbortSignal): Promise<string | undefined> {
    const { clock, healthTimeoutMs } = this.#parts;
    const { withdrawn } = source;
    let endMs = clock.monotonicMs() + healthTimeoutMs;
    while (!signal.aborted) {
      // Neither is the health judged that an update may have troubled, nor the process ended in the middle of it.
      if (await this.#untilUpdated(source, signal)) {
        endMs = clock.monotonicMs() + healthTimeoutMs;
        continue;
      }
      const health = this.#parts.health();
      const cancelled = cancelledText(source);
      if (cancelled !== undefined) return cancelled;
      if (health.kind === "healthy") return undefined;
      if (clock.monotonicMs() >= endMs) return health.missing;
      source.report({ phase: "health-check", waitingFor: health.missing });
      await clock.sleep(POLL_MS, AbortSignal.any([signal, withdrawn.signal]));
    }
    return undefined;
  }

  #keep(source: SettingsSource, { name }: Attempt): SettingsEnd {
    return this.#end(source, { kind: "kept", name, isNew: true });
  }

  #end(source: SettingsSource, end: SettingsEnd): SettingsEnd {
    source.ended?.(end);
    this.#memory.forget();
    return end;
  }

  /** The attempt goes on in the next process. */
  async #restart(signal: AbortSignal): Promise<"stopped"> {
    this.#parts.restart();
    await aborted(signal);
    return "stopped";
  }
}

/** Why the settings are not wanted any more, for people; undefined while they are. */
function cancelledText({ withdrawn }: SettingsSource): string | undefined {
  return withdrawn.signal.aborted ? `cancelled ${withdrawn.reason()}` : undefined;
}
