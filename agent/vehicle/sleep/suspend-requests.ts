import type { Clock } from "../../core/clock.ts";
import { messageOf } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import type { PowerManager } from "../../ports/power-manager.ts";

/** Until it is asked again, ms of a machine that runs: each time twice as long as before. */
const PAUSE = { minMs: 60_000, maxMs: 3_600_000 };

export type SuspendRequestsParts = {
  readonly power: Pick<PowerManager, "suspend">;
  readonly clock: Pick<Clock, "monotonicMs">;
  readonly log: Log;
};

/** Asks for suspend until the machine is: a block inhibitor or a masked unit would leave a sleeping vehicle on its battery otherwise. */
export class SuspendRequests {
  readonly #parts: SuspendRequestsParts;
  /** Monotonic: stands while the machine is suspended. Undefined while nobody wants it to be. */
  #dueMs: number | undefined;
  #pauseMs = PAUSE.minMs;
  #isTold = false;

  constructor(parts: SuspendRequestsParts) {
    this.#parts = parts;
  }

  /** Asks now, and from then on again and again until `end`. Resolves when the request is taken, or refused. */
  begin(): Promise<void> {
    this.#pauseMs = PAUSE.minMs;
    this.#isTold = false;
    return this.#ask();
  }

  /** Call about once a second while asleep. */
  async look(): Promise<void> {
    if (this.#dueMs === undefined || this.#parts.clock.monotonicMs() < this.#dueMs) return;
    this.#tell("the request was taken, and nothing came of it");
    await this.#ask();
  }

  /** The vehicle is up again. */
  end(): void {
    this.#dueMs = undefined;
  }

  async #ask(): Promise<void> {
    const { power, clock } = this.#parts;
    this.#dueMs = clock.monotonicMs() + this.#pauseMs;
    this.#pauseMs = Math.min(2 * this.#pauseMs, PAUSE.maxMs);
    try {
      await power.suspend();
    } catch (thrown) {
      this.#tell(messageOf(thrown));
    }
  }

  /** Once for a sleep. */
  #tell(what: string): void {
    if (this.#isTold) return;
    this.#isTold = true;
    const remedy = "see what keeps the system up: systemd-inhibit --list; systemctl status suspend.target";
    this.#parts.log.warn("sleep.not-suspended", { what, remedy });
  }
}
