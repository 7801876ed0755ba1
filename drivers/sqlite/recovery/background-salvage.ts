import type { Clock } from "../../../agent/core/clock.ts";
import { AgentError } from "../../../agent/core/errors.ts";
import type { Log } from "../../../agent/core/log.ts";
import type { SalvageState } from "../../../agent/ports/outbox.ts";
import { SALVAGE_RETRY_MS } from "../../../agent/ports/outbox-faults.ts";
import type { Salvager } from "./salvage.ts";

/** Records come over in steps of at most TURN_MS of the main thread, every STEP_MS. */
const STEP_MS = 100;
const TURN_MS = 20;

/** What a salvage beside the work needs. */
export type BackgroundSalvageParts = {
  readonly salvager: Salvager;
  /** Runs a step in one transaction of the outbox; gives what the step gives. Throws the faults of the outbox. */
  readonly write: (step: () => number) => number;
  /** Runs what only reads. Throws the faults of the outbox. */
  readonly read: (work: () => void) => void;
  /** Of the outbox, for the log. */
  readonly file: string;
  readonly clock: Clock;
  readonly log: Log;
};

/** Brings over what damaged files still have, a little at a time beside the work. A step that the disk refuses waits. */
export class BackgroundSalvage {
  readonly #parts: BackgroundSalvageParts;
  #stopTimer: () => void = () => undefined;
  #dueMs = 0;
  #backfills = 0;

  constructor(parts: BackgroundSalvageParts) {
    this.#parts = parts;
  }

  /** Counts up with each step that brought records over. */
  get backfills(): number {
    return this.#backfills;
  }

  /** How far it is; undefined where nothing is left to do. */
  get state(): SalvageState | undefined {
    return this.#parts.salvager.state;
  }

  /** Works for about `ms` at once, and then beside the work until nothing is left. */
  begin(ms: number): void {
    const { salvager, clock } = this.#parts;
    if (!salvager.isPending) return;
    if (ms > 0) this.#workFor(ms);
    if (salvager.isPending) this.#stopTimer = clock.every(STEP_MS, () => this.#workFor(TURN_MS));
  }

  stop(): void {
    this.#stopTimer();
    this.#parts.salvager.close();
  }

  #workFor(ms: number): void {
    const { salvager, write, read, file, clock, log } = this.#parts;
    const startMs = clock.monotonicMs();
    if (startMs < this.#dueMs) return;
    try {
      while (salvager.isPending && clock.monotonicMs() - startMs < ms) {
        if (write(() => salvager.step()) > 0) this.#backfills += 1;
        read(() => salvager.look());
      }
    } catch (thrown) {
      if (!(thrown instanceof AgentError)) throw thrown;
      log.warn("outbox.salvage-paused", { file, code: thrown.code, what: thrown.message });
      this.#dueMs = startMs + SALVAGE_RETRY_MS;
    }
    if (!salvager.isPending) this.#stopTimer();
  }
}
