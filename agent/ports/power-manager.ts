import type { AgentError } from "../core/errors.ts";

/**
 * What the system is about to do. "suspend" and "shutdown" begin when our lock is let go, or when the system's patience is over;
 * "power-button" and "low-supply" say that there is less time than that.
 */
export const POWER_ORDERS = ["suspend", "shutdown", "power-button", "low-supply"] as const;
export type PowerOrder = { readonly kind: (typeof POWER_ORDERS)[number] };

/** Who is told. Calls come one at a time, and none from inside a call of the manager. What they throw is a bug. */
export type PowerSink = {
  /** Once for each time that the system begins to go down; the same kind again only after `onWake`. */
  onOrder(order: PowerOrder): void;
  /** The system is back from suspend, or what it was about to do came to nothing. Only after `onOrder`. */
  onWake(): void;
};

/**
 * The system's power, as whoever manages it sees it (on Linux systemd-logind).
 *
 * While the manager is started it holds a lock that delays suspend and shutdown. Each order lets the system wait until `release`, and
 * `delayMs` at most: then the lock is let go by itself. After `onWake` it is taken again.
 */
export interface PowerManager {
  /**
   * Listens, takes the lock, and resolves when both are there. Rejects with `power.unavailable` or `power.denied`, after seconds where nobody
   * answers; it goes on trying until `stop` all the same, so that a caller may go on without.
   */
  start(sink: PowerSink): Promise<void>;
  /** Why the system would go down without waiting for us now; undefined while orders are heard and the lock is held, or let go for an order. */
  fault(): AgentError | undefined;
  /** How long an order may be delayed, ms: what the system grants less a margin. Known after `start`; a cautious guess before it. */
  delayMs(): number;
  /** Lets the lock go: ready for what was ordered. Does nothing where no order was. */
  release(): void;
  /** Asks for suspend to RAM; resolves when the system has taken the request. The order for it comes as any other. Rejects with `power.unavailable` or `power.denied`. */
  suspend(): Promise<void>;
  /** Lets the lock go for good. No call of the sink comes after it. */
  stop(): Promise<void>;
}
