import type { Clock } from "../../../agent/core/clock.ts";

/**
 * Lets the sockets of this process whose peer has this port send small segments at once (TCP_NODELAY), and gives how many did not yet; undefined
 * where that cannot be had. A socket that is still connecting is passed over.
 */
export type SetNoDelay = (port: number) => number | undefined;

/** Least time between two looks, ms. */
const LOOK_MS = 1;
/** A look comes after this part of the time since the attempt began: soon after TCP is there, and long before the peer has answered. */
const LOOK_PART = 1 / 8;

/** `port` is that of the peer, which is the proxy where there is one. */
export type NoDelayParts = {
  readonly setNoDelay: SetNoDelay;
  readonly port: number;
  /** Whether the attempt goes on. */
  readonly isConnecting: () => boolean;
  readonly clock: Pick<Clock, "monotonicMs" | "sleep">;
};

/**
 * Sets TCP_NODELAY on the sockets of connections, which aws-crt (1.33) leaves to the kernel's default and shows to nobody: it writes its
 * flights of TLS in pieces, of which the next one waits until the broker has acknowledged the one before (RFC 896), and that may take a
 * round trip, or 40 ms where the broker delays its acknowledgements.
 */
export class NoDelay {
  readonly #parts: NoDelayParts;
  #attempt: AbortController | undefined;

  constructor(parts: NoDelayParts) {
    this.#parts = parts;
  }

  /** An attempt begins: its socket is looked for until it is found or the attempt is over, as one before is now. */
  watchAttempt(): void {
    this.end();
    const attempt = new AbortController();
    this.#attempt = attempt;
    void this.#watch(attempt.signal);
  }

  /** The connection is there: it has the option from here on, whatever the attempt has found. */
  noteConnected(): void {
    this.end();
    this.#parts.setNoDelay(this.#parts.port);
  }

  end(): void {
    this.#attempt?.abort();
    this.#attempt = undefined;
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { setNoDelay, port, isConnecting, clock } = this.#parts;
    const startMs = clock.monotonicMs();
    while (!signal.aborted && isConnecting() && setNoDelay(port) === 0) {
      const ageMs = clock.monotonicMs() - startMs;
      await clock.sleep(Math.max(LOOK_MS, ageMs * LOOK_PART), signal);
    }
  }
}
