import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import type { Session } from "../mqtt/session.ts";
import type { Worker } from "./worker.ts";

/** Time between two looks, and the shortest between two recalls, ms. */
const LOOK_MS = 500;
/** Recalls that bring nothing forward come no more often than this, ms. */
const MAX_PAUSE_MS = 300_000;
/** Recalls are told so often at most, ms. */
const TELL_MS = 60_000;

export type RecallParts = {
  readonly worker: Pick<Worker, "counters" | "status">;
  readonly session: Pick<Session, "renew">;
  readonly clock: Clock;
  readonly log: Log;
};

/**
 * Has the broker send again what a worker had no room for. A broker may send a backlog past the receive maximum
 * (mosquitto 2.0.11 sends as many more for each PUBACK), and must not repeat a message while the connection lasts (MQTT 5.0, 4.4). So when the
 * hand is half empty the session connects again. AWS IoT Core repeats by itself; there a recall only comes before it.
 */
export class Recall {
  readonly #parts: RecallParts;
  #pauseMs = LOOK_MS;
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  #toldMs = Number.NEGATIVE_INFINITY;
  /** At the last recall. */
  #settled = 0;
  #left = Number.POSITIVE_INFINITY;

  constructor(parts: RecallParts) {
    this.#parts = parts;
  }

  /** Looks until `signal` aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#parts.clock.sleep(LOOK_MS, signal);
      if (!signal.aborted) await this.#look();
    }
  }

  async #look(): Promise<void> {
    const { worker, session, clock } = this.#parts;
    const { left, hasRoom } = worker.status();
    const nowMs = clock.monotonicMs();
    if (left === 0 || !hasRoom || nowMs < this.#notBeforeMs) return;
    const { counters } = worker;
    const settled = counters.written + counters.refusals;
    // Without any progress (a broker that does not hear PUBACKs), each recall would be the cause of the next.
    const hasProgress = settled > this.#settled || left < this.#left;
    this.#pauseMs = hasProgress ? LOOK_MS : Math.min(this.#pauseMs * 2, MAX_PAUSE_MS);
    this.#settled = settled;
    this.#left = left;
    this.#notBeforeMs = nowMs + this.#pauseMs;
    counters.recalls += 1;
    this.#tell(left, nowMs);
    await session.renew();
  }

  #tell(left: number, nowMs: number): void {
    if (nowMs < this.#toldMs + TELL_MS) return;
    this.#toldMs = nowMs;
    const { recalls } = this.#parts.worker.counters;
    this.#parts.log.warn("consumer.backlog-recalled", { left, recalls });
  }
}
