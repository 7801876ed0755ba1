import { announceAsleep, type PresenceParts } from "../../cloud/presence.ts";
import type { SleepOrder, SleepStep } from "./sleep-order.ts";

/** Of the time for the whole step, what the goodbye may take. */
const GOODBYE_SHARE = 0.6;
/** Kept for this step by those before it, ms: two round trips of a slow link. */
const KEPT_MS = 1500;

export type LinkStepParts = {
  readonly presence: PresenceParts;
  /** Resolves when all that can be sent has been; ends when `signal` aborts. */
  readonly drained: (signal: AbortSignal) => Promise<void>;
  /** See `Farewell`. */
  readonly nextCheckInAtUs: () => number | undefined;
};

/** Says goodbye and leaves the broker, and comes back. */
export class LinkStep implements SleepStep {
  readonly name = "link";
  readonly keepsMs = KEPT_MS;
  readonly #parts: LinkStepParts;
  #isWanted = false;
  #isDelivered = false;
  #back = new AbortController();

  constructor(parts: LinkStepParts) {
    this.#parts = parts;
  }

  async prepare(order: SleepOrder, withinMs: number): Promise<void> {
    const { presence, nextCheckInAtUs } = this.#parts;
    const { clock } = presence.subject;
    const endMs = clock.monotonicMs() + withinMs;
    this.#isWanted = true;
    this.#back.abort();
    const farewell = { reason: order.kind, nextCheckInAtUs: nextCheckInAtUs() };
    await announceAsleep(presence, farewell, withinMs * GOODBYE_SHARE);
    if (this.#isWanted) await presence.broker.pause(Math.max(0, endMs - clock.monotonicMs()));
  }

  /** Back at once: presence says "online" with the new connection, also where only the goodbye had gone out. */
  resume(): void {
    const { broker } = this.#parts.presence;
    this.#isWanted = false;
    this.#isDelivered = false;
    this.#back.abort();
    this.#back = new AbortController();
    void this.#deliver(broker.status().connects, this.#back.signal);
    broker.resume();
  }

  /** Whether all that waited at the last wake has been sent and acknowledged since. */
  isDelivered(): boolean {
    return this.#isDelivered;
  }

  /** Nothing more is waited for. */
  stop(): void {
    this.#back.abort();
  }

  async #deliver(connects: number, signal: AbortSignal): Promise<void> {
    if ((await this.#parts.presence.broker.online(signal, connects)) === undefined) return;
    await this.#parts.drained(signal);
    if (!signal.aborted) this.#isDelivered = true;
  }
}

/** Waits until the outbox is empty, or time is over. */
export function deliveryStep(drained: (signal: AbortSignal) => Promise<void>): SleepStep {
  let ended = new AbortController();
  return {
    name: "delivery",
    prepare: async () => {
      ended = new AbortController();
      await drained(ended.signal);
    },
    resume: () => ended.abort(),
  };
}
