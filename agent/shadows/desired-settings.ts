import { createHash } from "node:crypto";
import { z } from "zod";
import { canonicalJson } from "../core/canonical-json.ts";
import { ChangeSignal } from "../core/change-signal.ts";
import type { Clock } from "../core/clock.ts";
import { AgentError, errnoOf, messageOf } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { plainText } from "../core/plain-text.ts";
import type { JobDetails } from "../jobs/job.ts";
import { attemptOfShadow, digestOfShadow } from "../jobs/settings/attempt-id.ts";
import type { Settings, SettingsEnd, SettingsSource, SettingsTrials } from "../jobs/settings/settings-trials.ts";
import type { ConfigSlot } from "../ports/update.ts";
import type { KeptSettings, SettingsMemory } from "./settings-memory.ts";

/** Wait after a try that failed for what may pass, a full disk for example, ms. */
const RETRY_MS = 60_000;
/** Longest reason that is told, characters. */
const MAX_REASON = 500;
const EMPTY = digestOf({});
const OTHERS = "a job has set others since";

export type DesiredSettingsParts = {
  readonly trials: Pick<SettingsTrials, "inTurn" | "carryOut" | "latest">;
  readonly slot: Pick<ConfigSlot, "check" | "running" | "settings">;
  readonly memory: SettingsMemory;
  /** Least time from the start of the process to an attempt, which ends the process, ms. */
  readonly settleMs: number;
  readonly clock: Pick<Clock, "sleep" | "monotonicMs">;
  readonly log: Log;
  /** Somebody is to look at `verdict` again. */
  readonly onChange: () => void;
  /** Why this start goes without the settings that were in force; undefined where it does not. */
  readonly dropped: string | undefined;
};

/**
 * How the desired settings do. "unread": they are not known. "none": nothing is desired. "trying": they wait, or are on trial. "refused":
 * they do not fit. "taken-back": they did not stand their health check. "replaced": they were in force, and a job has set others since,
 * or the vehicle's own files have changed so that they do not fit any more.
 */
export type SettingsVerdict = {
  readonly state: "unread" | "none" | "trying" | "in-force" | "refused" | "taken-back" | "replaced";
  /** Why, or what they wait for, for people; empty where nothing is to be said. */
  readonly reason: string;
  /** SHA-256 of what is desired, in the spelling of RFC 8785; empty while it is not known. */
  readonly digest: string;
};

type Wanted = { readonly digest: string; readonly settings: Settings };

/**
 * Takes the settings that a shadow desires, whole or not at all, each one once: what was refused, taken back or replaced is not tried again
 * until something else is desired. So neither a bad document nor two writers can drive the vehicle. What was refused is looked at again
 * after a start, as the vehicle's own files may have changed.
 */
export class DesiredSettings {
  readonly #parts: DesiredSettingsParts;
  readonly #changed = new ChangeSignal();
  readonly #settledAtMs: number;
  #desired: Wanted | undefined;
  #isThere = false;
  #refused: { readonly digest: string; readonly detail: string } | undefined;
  #waitsFor = "";
  #superseded = new AbortController();

  constructor(parts: DesiredSettingsParts) {
    this.#parts = parts;
    this.#settledAtMs = parts.clock.monotonicMs() + parts.settleMs;
  }

  /** What the shadow desires; undefined where there is no shadow, which takes nothing away. */
  take(desired: Settings | undefined): void {
    this.#isThere = desired !== undefined;
    if (desired === undefined) return;
    const digest = digestOf(desired);
    if (digest === this.#desired?.digest) return;
    this.#desired = { digest, settings: desired };
    this.#superseded.abort();
    this.#superseded = new AbortController();
    this.#changed.notify();
  }

  /** Whether there is a shadow: one that is not must not be made, as it would desire nothing. */
  isThere(): boolean {
    return this.#isThere;
  }

  /** What keeps it from being known, a disk that cannot be read for example, is its reason. */
  verdict(): SettingsVerdict {
    try {
      return this.#judge();
    } catch (thrown) {
      if (!mayPass(thrown)) throw thrown;
      return this.#told("unread", plainText(messageOf(thrown), MAX_REASON));
    }
  }

  /** Throws the faults of the journal, and the system's error where the settings in force cannot be read. */
  #judge(): SettingsVerdict {
    const desired = this.#desired;
    if (this.#ownAttempt() !== undefined) return this.#told("trying", this.#waitsFor);
    if (desired === undefined)
      return this.#told("unread", this.#isThere ? "" : "there is no shadow, or it was not read");
    if (this.#refused?.digest === desired.digest) return this.#told("refused", this.#refused.detail);
    const kept = this.#parts.memory.read();
    if (!this.#isHandled(desired, kept)) return this.#told("trying", this.#waitsFor);
    if (kept?.digest === desired.digest && kept.end === "taken-back") return this.#told("taken-back", kept.detail);
    if (desired.digest === EMPTY) return this.#told("none", "");
    const isInForce = kept !== undefined && this.#parts.slot.running(kept.name);
    return isInForce
      ? this.#told("in-force", "")
      : this.#told("replaced", plainText(this.#parts.dropped ?? OTHERS, MAX_REASON));
  }

  /** Until `signal` aborts. An attempt that was under way goes on at once, whether there is a link or not. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, onChange } = this.#parts;
    while (!signal.aborted) {
      const either = AbortSignal.any([signal, this.#superseded.signal]);
      const over = new AbortController();
      // A change that comes while it works is not missed.
      const change = this.#changed.next(AbortSignal.any([signal, over.signal]));
      try {
        const isDone = await this.#step(either, signal);
        onChange();
        if (!isDone) await change;
      } catch (thrown) {
        this.#fail(thrown);
        await clock.sleep(RETRY_MS, either);
      } finally {
        over.abort();
      }
    }
  }

  /** One attempt, or what there is to wait for before it. False when nothing is to be done until something changes. */
  async #step(either: AbortSignal, signal: AbortSignal): Promise<boolean> {
    const { memory, slot, clock } = this.#parts;
    const begun = this.#ownAttempt();
    if (begun !== undefined) {
      await this.#carryOut({ digest: begun, settings: {} }, either, signal);
      return true;
    }
    const desired = this.#desired;
    if (desired === undefined || this.#isHandled(desired, memory.read())) return false;
    const problem = await slot.check(desired.settings);
    if (problem !== undefined) {
      this.#refuse(desired, problem);
      return true;
    }
    const waitMs = this.#settledAtMs - clock.monotonicMs();
    if (waitMs <= 0) await this.#carryOut(desired, either, signal);
    else {
      this.#waitsFor = "the time after a start (settleSeconds)";
      await clock.sleep(waitMs, either);
    }
    return true;
  }

  /** `either` ends the wait for its turn, and nothing that was begun. */
  async #carryOut(wanted: Wanted, either: AbortSignal, signal: AbortSignal): Promise<void> {
    const { trials } = this.#parts;
    const source = this.#sourceOf(wanted);
    const end = await trials.inTurn(source, either, () => trials.carryOut(source, wanted.settings, signal));
    if (end === "aborted" || end === "stopped") return;
    if (end.kind === "refused") this.#refuse(wanted, end.detail);
    // Those that were in force already were not on trial.
    else if (end.kind === "kept" && !end.isNew) this.#keep(wanted, end);
  }

  #sourceOf(wanted: Wanted): SettingsSource {
    return {
      id: attemptOfShadow(wanted.digest),
      report: ({ reason, waitingFor }: JobDetails): void => {
        this.#waitsFor = reason ?? waitingFor ?? "";
      },
      // What is on trial is not given up because something else is desired: the end of it would be taken for that of its settings.
      withdrawn: { signal: new AbortController().signal, reason: () => "" },
      ended: (end) => this.#keep(wanted, end),
    };
  }

  #fail(thrown: unknown): void {
    const what = messageOf(thrown);
    const isBug = !mayPass(thrown);
    this.#parts.log.error("settings.not-tried", { code: isBug ? "internal.bug" : undefined, what });
    this.#waitsFor = `another try: ${plainText(what, MAX_REASON)}`;
    // A bug that a document brings out is to cost no process: the shadow would give the same one to every next one.
    if (isBug && this.#desired !== undefined) this.#refuse(this.#desired, `internal: ${what}`);
  }

  #refuse({ digest }: Wanted, problem: string): void {
    this.#refused = { digest, detail: plainText(problem, MAX_REASON) };
    this.#waitsFor = "";
    this.#parts.log.warn("settings.refused", { digest, what: problem });
  }

  #keep({ digest }: Wanted, end: SettingsEnd): void {
    if (end.kind === "refused") return;
    const { memory, log } = this.#parts;
    const name = end.kind === "kept" ? end.name : (memory.read()?.name ?? "");
    const detail = end.kind === "kept" ? "" : plainText(end.detail, MAX_REASON);
    memory.keep({ digest, end: end.kind, name, detail });
    this.#waitsFor = "";
    log.info("settings.ended", { digest, end: end.kind, reason: detail });
  }

  /** Digest of what the shadow has on trial. */
  #ownAttempt(): string | undefined {
    const latest = this.#parts.trials.latest();
    return latest === undefined ? undefined : digestOfShadow(latest);
  }

  /** Where nothing is desired, only what the shadow itself has put in force is taken away. */
  #isHandled({ digest }: Wanted, kept: KeptSettings | undefined): boolean {
    if (this.#refused?.digest === digest || kept?.digest === digest) return true;
    return digest === EMPTY && !(kept !== undefined && this.#parts.slot.running(kept.name));
  }

  #told(state: SettingsVerdict["state"], reason: string): SettingsVerdict {
    return { state, reason, digest: this.#desired?.digest ?? "" };
  }
}

/** Faults of the journal and of the system: the same may go well later. */
function mayPass(thrown: unknown): boolean {
  return thrown instanceof AgentError || errnoOf(thrown) !== undefined;
}

function digestOf(settings: Settings): string {
  return createHash("sha256")
    .update(canonicalJson(z.json().parse(settings)))
    .digest("hex");
}
