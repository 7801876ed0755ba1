import type { FetchedArtifact, InstallEffect, Installer, TrialStatus } from "../../../agent/ports/update.ts";

/** A version of the agent: digest and how it behaves. */
export type FakeVersion = "good" | "crashes-at-start" | "never-proven";

/** Starts of a version on trial before the supervisor goes back. */
const MAX_STARTS = 3;

/**
 * Slots of the agent with their supervisor, in memory: what survives a power cut is in fields, each changed in one step. `step` runs
 * before and after each change and may throw, as a power cut would end it.
 */
export class FakeSlots implements Installer {
  /** What starts next, and what runs. "old" is always good. */
  current: "old" | "new" = "old";
  running: "old" | "new" = "old";
  staged = false;
  /** Starts of the new version, all together. */
  newStarts = 0;
  #trial: { starts: number } | undefined;
  #rolledBack: string | undefined;
  readonly #step: () => void;

  constructor(step: () => void) {
    this.#step = step;
  }

  /** What the supervisor does at each start of the unit, before it starts the version it gives. */
  start(): "old" | "new" {
    if (this.#trial !== undefined && this.current === "new") {
      if (this.#trial.starts >= MAX_STARTS) {
        this.current = "old";
        this.#trial = undefined;
        this.#rolledBack = `${MAX_STARTS} starts`;
      } else {
        this.#trial = { starts: this.#trial.starts + 1 };
      }
    }
    this.running = this.current;
    if (this.running === "new") this.newStarts += 1;
    return this.running;
  }

  async stage(_artifact: FetchedArtifact): Promise<void> {
    this.#change(() => {
      this.staged = true;
    });
  }

  async activate(_artifact: FetchedArtifact): Promise<InstallEffect> {
    if (!this.staged) throw new Error("activated before it was staged");
    if (this.#trial === undefined) {
      this.#change(() => {
        this.#trial = { starts: 0 };
        this.#rolledBack = undefined;
      });
    }
    this.#change(() => {
      this.current = "new";
    });
    return this.running === "new" ? "at-once" : "restart";
  }

  async trial(_artifact: FetchedArtifact): Promise<TrialStatus> {
    if (this.#rolledBack !== undefined) return { kind: "rolled-back", detail: this.#rolledBack };
    return this.current === "new" ? { kind: "runs" } : { kind: "none" };
  }

  async commit(_artifact: FetchedArtifact): Promise<void> {
    this.#change(() => {
      this.#trial = undefined;
    });
  }

  async rollback(_artifact: FetchedArtifact): Promise<InstallEffect> {
    this.#change(() => {
      this.current = "old";
    });
    this.#change(() => {
      this.#trial = undefined;
      this.#rolledBack = undefined;
      this.staged = false;
    });
    return this.running === "new" ? "restart" : "at-once";
  }

  #change(change: () => void): void {
    this.#step();
    change();
    this.#step();
  }
}
