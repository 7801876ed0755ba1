import type { Clock } from "../../../agent/core/clock.ts";
import { FAULTS } from "../../../agent/core/errors.ts";
import type { Log } from "../../../agent/core/log.ts";
import type { BrokerLimits, LinkState, LinkStatus } from "../../../agent/ports/broker.ts";
import { reasonName } from "../messages/reason-codes.ts";
import type { LinkFault } from "./link-faults.ts";

type Waiter = { readonly after: number; settle(limits: BrokerLimits | undefined): void };

/** Hears of faults; `reasonCode` is that of the broker's DISCONNECT, where one came. */
export type LinkFaultListener = (fault: LinkFault, reasonCode: number | undefined) => void;

/** State of the link, why it is so, and who waits for it. */
export class LinkTracker {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #onFault: LinkFaultListener | undefined;
  readonly #waiters = new Set<Waiter>();
  #state: LinkState = "offline";
  /** Since when it is online, or is not. */
  #sinceMs: number;
  /** When the newest attempt began, of the time since the boot. */
  #attemptAtMs = Number.NEGATIVE_INFINITY;
  #fault: LinkFault | undefined;
  #limits: BrokerLimits | undefined;
  #connects = 0;
  readonly #disconnects = new Map<string, number>();
  readonly #faults = new Map<string, number>();
  #isClosed = false;
  #isPaused = false;

  constructor(clock: Clock, log: Log, onFault?: LinkFaultListener) {
    this.#clock = clock;
    this.#log = log;
    this.#onFault = onFault;
    this.#sinceMs = clock.monotonicMs();
  }

  get state(): LinkState {
    return this.#state;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  get connects(): number {
    return this.#connects;
  }

  /** Of the present connection; undefined while not online. */
  get limits(): BrokerLimits | undefined {
    return this.#state === "online" ? this.#limits : undefined;
  }

  status(): LinkStatus {
    return {
      state: this.#state,
      sinceMs: this.#clock.monotonicMs() - this.#sinceMs,
      fault: this.#fault,
      connects: this.#connects,
      limits: this.limits,
      ...(this.#isPaused ? { isPaused: true } : {}),
      ends: { disconnects: Object.fromEntries(this.#disconnects), faults: Object.fromEntries(this.#faults) },
    };
  }

  /** See `Broker.online`. */
  online(signal: AbortSignal, after: number): Promise<BrokerLimits | undefined> {
    if (signal.aborted || this.#isClosed) return Promise.resolve(undefined);
    if (this.limits !== undefined && this.#connects > after) return Promise.resolve(this.limits);
    return new Promise((resolve) => {
      const waiter: Waiter = {
        after,
        settle: (limits) => {
          this.#waiters.delete(waiter);
          signal.removeEventListener("abort", onAbort);
          resolve(limits);
        },
      };
      const onAbort = (): void => waiter.settle(undefined);
      signal.addEventListener("abort", onAbort, { once: true });
      this.#waiters.add(waiter);
    });
  }

  /** A new connection; forgets the fault and lets the waiters go on. */
  connected(limits: BrokerLimits, rejoined: boolean): void {
    this.#connects += 1;
    this.#limits = limits;
    this.#fault = undefined;
    this.move("online");
    this.#log.info("link.online", { connects: this.#connects, rejoined, ...limits });
    for (const waiter of this.#waiters) if (this.#connects > waiter.after) waiter.settle(limits);
  }

  /** Neither an attempt nor its end is a new beginning: a link is down since the last connection, and for the reason that was last known. */
  move(state: LinkState): void {
    const wasOnline = this.#state === "online";
    this.#state = state;
    if (state === "connecting") this.#attemptAtMs = this.#clock.boottimeMs();
    if (wasOnline !== (state === "online")) this.#sinceMs = this.#clock.monotonicMs();
  }

  /** Time since the newest attempt to connect began, ms: one from before a suspend is old. */
  attemptAgeMs(): number {
    return this.#clock.boottimeMs() - this.#attemptAtMs;
  }

  /** See `Broker.pause`: it stays away, of its own will; then no fault is to blame. */
  pause(isPaused: boolean): void {
    if (this.#isPaused === isPaused) return;
    this.#isPaused = isPaused;
    this.#fault = undefined;
    this.#log.info(isPaused ? "link.paused" : "link.resumed", { connects: this.#connects });
  }

  /** A connection has ended, not by us; `reasonCode` is that of the broker's DISCONNECT, where one came. */
  ended(reasonCode: number | undefined): void {
    countOne(this.#disconnects, reasonCode === undefined ? "connection lost" : reasonName(reasonCode));
  }

  /** Notes why the link is not online; logs it once, not at every attempt that ends alike. */
  blame(fault: LinkFault, reasonCode?: number): void {
    this.#onFault?.(fault, reasonCode);
    countOne(this.#faults, fault.code);
    const isNew = this.#fault?.code !== fault.code || this.#fault.what !== fault.what;
    this.#fault = fault;
    if (!isNew) return;
    const { code, what, remedy } = fault;
    if (FAULTS[code].retry === "backoff") this.#log.warn("link.failed", { code, what, remedy });
    else this.#log.error("link.failed", { code, what, remedy });
  }

  /** The session is over for good. */
  close(): void {
    this.#isClosed = true;
    this.move("offline");
    for (const waiter of this.#waiters) waiter.settle(undefined);
  }
}

/** Keys are of closed lists. */
function countOne(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
