import { ChangeSignal } from "../../../agent/core/change-signal.ts";
import type { ExecutionId } from "../../../agent/jobs/job.ts";
import { type Settings, SettingsTrials } from "../../../agent/jobs/settings/settings-trials.ts";
import type { ConfigSlot } from "../../../agent/ports/update.ts";
import type { UpdateRecord } from "../../../agent/updates/update-record.ts";
import { FIRST_STATE } from "../../../agent/updates/update-state.ts";
import type { ManualClock } from "../core/clock.ts";
import { FakeJournal } from "../ports/journal.ts";

/** A power cut. */
export class Cut extends Error {}

/** Starts with settings on trial before they are left, as the agent has it. */
const MAX_STARTS = 3;

const UPDATE: UpdateRecord = {
  digest: "0".repeat(64),
  versionFrom: "1.3.0",
  request: {
    origin: { kind: "local" },
    manifest: "",
    signatures: { type: "causeway.signatures", schemaVersion: 1, signatures: [] },
    sources: {},
  },
  state: FIRST_STATE,
};

/** The name that a vehicle's slot gives settings. */
export function setName(settings: Settings): string {
  return `set ${JSON.stringify(settings)}`;
}

/** What of a vehicle survives cuts: its journal, and the settings above its own. `cutAt` is the step before which the next cut comes. */
export class SettingsVehicle {
  readonly clock: ManualClock;
  readonly journal: FakeJournal;
  current = "none";
  running = "none";
  trial: { readonly to: string; readonly from: string; starts: number } | undefined;
  rolledBack: string | undefined;
  isHealthy: (settings: Settings) => boolean = () => true;
  problem: (settings: Settings) => string | undefined = () => undefined;
  isServed: (id: ExecutionId) => boolean = () => true;
  /** Ends what runs, before a cut throws. */
  onCut: () => void = () => undefined;
  cutAt = Number.POSITIVE_INFINITY;
  /** What the system says to a call of the slot: the code of its error. */
  readonly faults = new Map<keyof ConfigSlot, string>();
  steps = 0;
  /** Names of the settings that were put on trial, the oldest first. */
  readonly tried: string[] = [];
  readonly #sets = new Map<string, Settings>();
  readonly #updateChanged = new ChangeSignal();
  #isUpdating = false;

  constructor(clock: ManualClock) {
    this.clock = clock;
    this.journal = new FakeJournal({ clock });
  }

  /** What the start of the agent does with settings on trial. */
  begin(): void {
    const { trial } = this;
    if (trial !== undefined && this.current === trial.to) {
      if (trial.starts >= MAX_STARTS) {
        this.rolledBack = trial.to;
        this.current = trial.from;
      } else trial.starts += 1;
    }
    this.running = this.current;
  }

  /** Somebody's update is under way from now on, or is over. */
  setUpdating(isUpdating: boolean): void {
    this.#isUpdating = isUpdating;
    this.#updateChanged.notify();
  }

  /** Settings that are in force; none at all for the vehicle's own. */
  inForce(): Settings {
    return this.#sets.get(this.running) ?? {};
  }

  /** The journal, each write to which is a step. */
  watchedJournal(): Pick<FakeJournal, "get" | "put"> {
    const { journal } = this;
    return {
      get: (...args: Parameters<FakeJournal["get"]>) => journal.get(...args),
      put: (...args: Parameters<FakeJournal["put"]>) => this.#step(() => journal.put(...args)),
    };
  }

  /** Those of one process, which `restart` ends. */
  trials(restart: () => void): SettingsTrials {
    const { clock } = this;
    return new SettingsTrials({
      slot: this.slot(),
      journal: this.watchedJournal(),
      clock,
      health: () => (this.isHealthy(this.inForce()) ? { kind: "healthy" } : { kind: "unhealthy", missing: "PUBACK" }),
      healthTimeoutMs: 5000,
      updater: {
        current: () => (this.#isUpdating ? UPDATE : undefined),
        changed: (signal) => this.#updateChanged.next(signal),
      },
      restart,
      isServed: (id) => this.isServed(id),
    });
  }

  slot(): ConfigSlot {
    const effect = (name: string, isWanted: boolean) =>
      (this.running === name) === isWanted ? ("at-once" as const) : ("restart" as const);
    return {
      settings: () => this.inForce(),
      check: async (settings) => this.problem(settings),
      stage: async (settings) => {
        this.#meet("stage");
        this.#sets.set(setName(settings), settings);
        return { name: setName(settings), problem: this.problem(settings) };
      },
      running: (name) => {
        this.#meet("running");
        return this.running === name && this.trial?.to !== name;
      },
      activate: (name) => {
        this.#meet("activate");
        if (this.trial?.to !== name) {
          const from = this.current;
          this.#step(() => {
            this.trial = { to: name, from, starts: 0 };
            this.rolledBack = undefined;
            this.tried.push(name);
          });
        }
        this.#step(() => (this.current = name));
        return effect(name, true);
      },
      trial: (name) => {
        this.#meet("trial");
        if (this.rolledBack === name) return { kind: "rolled-back", detail: "3 starts" };
        return this.running === name && this.current === name ? { kind: "runs" } : { kind: "none" };
      },
      commit: () => {
        this.#meet("commit");
        this.#step(() => (this.trial = undefined));
      },
      rollback: (name) => {
        this.#meet("rollback");
        const { trial } = this;
        if (trial?.to === name && this.current === name) this.#step(() => (this.current = trial.from));
        this.#step(() => (this.trial = this.rolledBack = undefined));
        return effect(name, false);
      },
    };
  }

  #meet(call: keyof ConfigSlot): void {
    const code = this.faults.get(call);
    if (code !== undefined) throw Object.assign(new Error(`${code}: ${call}`), { code });
  }

  #step(change: () => void): void {
    this.steps += 1;
    if (this.steps === this.cutAt) {
      this.onCut();
      throw new Cut();
    }
    change();
  }
}
