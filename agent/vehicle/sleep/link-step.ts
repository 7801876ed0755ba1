import { announceAsleep, type PresenceParts } from "../../cloud/presence.ts";
import type { Clock } from "../../core/clock.ts";
import type { Broker } from "../../ports/broker.ts";
import type { SleepOrder, SleepStep } from "./sleep-order.ts";

/** Of the time for a step, what an attempt to connect that is under way may take: it may be one of ours, as for another keep-alive. */
const ATTEMPT_SHARE = 0.4;
const LOOK_MS = 20;
/** Of the time after that, what the goodbye may take. */
const GOODBYE_SHARE = 0.6;
/** Kept for this step by those before it, ms: two round trips of a slow link. */
const KEPT_MS = 1500;

/** Resolves when all that can be sent has been, with true; with false when there is no link to send it by, or `signal` aborts. */
export type Drained = (signal: AbortSignal) => Promise<boolean>;

export type LinkStepParts = {
  readonly presence: PresenceParts;
  readonly drained: Drained;
  /** See `Farewell`. */
  readonly nextCheckInAtUs: () => number | undefined;
};

/** Says goodbye and leaves the broker, and comes back. */
export class LinkStep implements SleepStep {
  readonly name = "link";
  readonly keepsMs = KEPT_MS;
  readonly #parts: LinkStepParts;
  #isDelivered = false;
  /** Ends what is under way for the way there, or the way back. */
  #turned = new AbortController();

  constructor(parts: LinkStepParts) {
    this.#parts = parts;
  }

  async prepare(order: SleepOrder, withinMs: number): Promise<void> {
    const { presence, nextCheckInAtUs } = this.#parts;
    const { clock } = presence.subject;
    const endMs = clock.monotonicMs() + withinMs;
    const signal = this.#turn();
    await attemptOver({ broker: presence.broker, clock }, withinMs * ATTEMPT_SHARE, signal);
    if (signal.aborted) return;
    const farewell = { reason: order.kind, nextCheckInAtUs: nextCheckInAtUs() };
    await announceAsleep(presence, farewell, (endMs - clock.monotonicMs()) * GOODBYE_SHARE);
    if (!signal.aborted) await presence.broker.pause(Math.max(0, endMs - clock.monotonicMs()));
  }

  /** Back at once: presence says "online" with the new connection, also where only the goodbye had gone out. */
  resume(): void {
    const { broker } = this.#parts.presence;
    this.#isDelivered = false;
    void this.#deliver(broker.status().connects, this.#turn());
    broker.resume();
  }

  /** Whether all that waited at the last wake has been sent and acknowledged since. */
  isDelivered(): boolean {
    return this.#isDelivered;
  }

  /** Nothing more is waited for. */
  stop(): void {
    this.#turned.abort();
  }

  #turn(): AbortSignal {
    this.#turned.abort();
    this.#turned = new AbortController();
    return this.#turned.signal;
  }

  /** By the first connection after `connects` that lasts until all is delivered. */
  async #deliver(connects: number, signal: AbortSignal): Promise<void> {
    const { drained, presence } = this.#parts;
    let seen = connects;
    while ((await presence.broker.online(signal, seen)) !== undefined) {
      seen = presence.broker.status().connects;
      const isDrained = await drained(signal);
      if (signal.aborted) return;
      if (isDrained) {
        this.#isDelivered = true;
        return;
      }
    }
  }
}

type Attempts = { readonly broker: Pick<Broker, "status">; readonly clock: Clock };

/** Waits until the outbox is empty, or time is over; for a connection only where one is being made. */
export function deliveryStep({ drained, ...attempts }: Attempts & { readonly drained: Drained }): SleepStep {
  let ended = new AbortController();
  return {
    name: "delivery",
    prepare: async (_, withinMs) => {
      ended = new AbortController();
      const { signal } = ended;
      await attemptOver(attempts, withinMs * ATTEMPT_SHARE, signal);
      await drained(signal);
    },
    resume: () => ended.abort(),
  };
}

/** Resolves when no attempt to connect is under way (any more), after `withinMs` at the latest, or when `signal` aborts. */
async function attemptOver({ broker, clock }: Attempts, withinMs: number, signal: AbortSignal): Promise<void> {
  const endMs = clock.monotonicMs() + withinMs;
  while (isUnderWay(broker) && !signal.aborted && clock.monotonicMs() < endMs) await clock.sleep(LOOK_MS, signal);
}

/** Also between a connection that was ended in order and the attempt after it: nothing is to blame then. */
function isUnderWay(broker: Attempts["broker"]): boolean {
  const { state, fault, isPaused } = broker.status();
  return state === "connecting" || (state === "offline" && fault === undefined && isPaused !== true);
}
