import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import type { Broker } from "../../ports/broker.ts";
import type { Regimes } from "./regimes.ts";

/** A state must have lasted for so long before the session goes by its keep-alive, ms: that takes a new connection. */
export const SETTLED_MS = 30_000;

export type KeepAliveParts = {
  readonly regimes: Pick<Regimes, "now" | "state">;
  /** That of the configuration of the broker, seconds. */
  readonly usualSeconds: number;
  readonly broker: Pick<Broker, "keepAlive">;
  /** Whether the connection may be made anew now. */
  readonly mayReconnect: () => boolean;
  readonly clock: Pick<Clock, "boottimeMs">;
  readonly log: Log;
};

/** Has the session with the broker go by the keep-alive of the vehicle's state, once the state has settled; with that of its first state from the start. */
export class KeepAlive {
  readonly #parts: KeepAliveParts;
  #seconds: number;
  #settlesAtMs = 0;

  constructor(parts: KeepAliveParts) {
    this.#parts = parts;
    this.#seconds = parts.usualSeconds;
    const first = parts.regimes.now().keepAliveSeconds ?? parts.usualSeconds;
    if (first !== this.#seconds) this.#change(first);
  }

  /** The state has changed. */
  changed(): void {
    this.#settlesAtMs = this.#parts.clock.boottimeMs() + SETTLED_MS;
  }

  /** Call regularly. */
  tick(): void {
    const { regimes, usualSeconds, mayReconnect, clock } = this.#parts;
    const seconds = regimes.now().keepAliveSeconds ?? usualSeconds;
    if (seconds === this.#seconds || clock.boottimeMs() < this.#settlesAtMs || !mayReconnect()) return;
    this.#change(seconds);
  }

  #change(seconds: number): void {
    const { regimes, broker, log } = this.#parts;
    this.#seconds = seconds;
    log.info("link.keep-alive-changed", { seconds, state: regimes.state() });
    broker.keepAlive(seconds);
  }
}
