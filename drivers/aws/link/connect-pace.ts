import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type BackoffBounds, fullJitterMs } from "../../../agent/core/backoff.ts";
import type { Clock } from "../../../agent/core/clock.ts";
import { FAULTS, type FaultCode, messageOf } from "../../../agent/core/errors.ts";
import type { Log } from "../../../agent/core/log.ts";
import type { BrokerConfig } from "../../../config/schema.ts";

/**
 * Least time between two CONNECT, ms: AWS IoT Core takes one a second from a client id (quota "Connect requests per second per client
 * id"). A twentieth more leaves room for timers and for what the network delays.
 */
const CONNECT_GAP_MS = 1050;
/** Least wait before trying again after a fault with retry "slow", ms; up to a fifth more is added at random. */
const SLOW_RETRY_MS = 300_000;
/** After a connection that lasted so long, the delays begin anew, ms. */
const STABLE_MS = 30_000;

/** `gapMs`: least time between two CONNECT. `random` gives 0 <= x < 1. `file` keeps the time of the last CONNECT for the next process; none when absent. */
export type ConnectPaceParts = {
  readonly bounds: BackoffBounds;
  readonly gapMs: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly file: string | undefined;
};

/** After a wake attempts follow each other at the least distance for so long, ms: the network needs some seconds to come up. */
const EAGER_MS = 30_000;

/** When the next attempt to connect may begin: full jitter over the failures in a row, and never two CONNECT in the same second. */
export class ConnectPace {
  readonly #parts: ConnectPaceParts;
  #lastConnectMs: number;
  #failures = 0;
  #eagerUntilMs = Number.NEGATIVE_INFINITY;

  constructor(parts: ConnectPaceParts) {
    this.#parts = parts;
    this.#lastConnectMs = readTime(parts.file, parts.clock.monotonicMs());
  }

  /** Until now a CONNECT may have gone out: an attempt has succeeded, failed or been given up. */
  noteConnect(): void {
    const { clock, file, log } = this.#parts;
    this.#lastConnectMs = clock.monotonicMs();
    if (file === undefined) return;
    try {
      writeFileSync(file, JSON.stringify({ lastConnectMs: Math.round(this.#lastConnectMs) }), { mode: 0o600 });
    } catch (thrown) {
      // Only a start right after this process would have gained by it.
      log.debug("link.pace-not-kept", { what: messageOf(thrown) });
    }
  }

  /** A connection has ended after this time. */
  noteEnd(livedMs: number): void {
    if (livedMs >= STABLE_MS) this.#failures = 0;
  }

  /** Someone knows that trying helps. */
  reset(): void {
    this.#failures = 0;
  }

  /** The vehicle has woken: failures are those of a network on its way up, for a while. */
  beginEagerly(): void {
    this.reset();
    this.#eagerUntilMs = this.#parts.clock.monotonicMs() + EAGER_MS;
  }

  /** Whether a failure may be that of a network on its way up. */
  get isEager(): boolean {
    return this.#parts.clock.monotonicMs() < this.#eagerUntilMs;
  }

  /** Wait until the soonest moment, ms. */
  soonestMs(): number {
    return Math.max(0, this.#lastConnectMs + this.#parts.gapMs - this.#parts.clock.monotonicMs());
  }

  /** Wait before the next attempt after this fault, ms; undefined when trying again does not help. One of our own identity waits the least time of a reconnection at least. */
  afterFaultMs(code: FaultCode): number | undefined {
    const { bounds, random } = this.#parts;
    const { retry } = FAULTS[code];
    if (retry === "never") return undefined;
    if (retry === "slow") return SLOW_RETRY_MS * (1 + random() / 5);
    return this.nextMs(code.startsWith("identity.") ? bounds.minMs : 0);
  }

  /** Wait before the next attempt after a failure, ms; `leastMs` comes before the jitter. */
  nextMs(leastMs = 0): number {
    const { bounds, random } = this.#parts;
    if (this.isEager) return Math.max(this.soonestMs(), leastMs);
    const jitterMs = fullJitterMs(this.#failures, bounds, random);
    this.#failures += 1;
    return Math.max(this.soonestMs(), leastMs + jitterMs);
  }
}

/** The pace that a configuration asks for; `keep.folder` is where the time is kept, nowhere when absent. */
export function createPace(
  parts: Pick<ConnectPaceParts, "clock" | "log"> & {
    readonly config: Pick<BrokerConfig, "reconnect">;
    readonly keep: { readonly folder: string } | undefined;
    readonly connectGapMs: number | undefined;
  },
  random: () => number,
): ConnectPace {
  const { config, clock, log, keep, connectGapMs: gapMs = CONNECT_GAP_MS } = parts;
  const file = keep === undefined ? undefined : join(keep.folder, "connect.json");
  return new ConnectPace({ bounds: config.reconnect, gapMs, clock, log, random, file });
}

/** The monotonic clock goes on over the ends of processes, and a later boot has a smaller one: then nothing is known. */
function readTime(file: string | undefined, nowMs: number): number {
  if (file === undefined) return Number.NEGATIVE_INFINITY;
  try {
    const kept: unknown = JSON.parse(readFileSync(file, "utf8"));
    const isRecord = typeof kept === "object" && kept !== null && "lastConnectMs" in kept;
    const timeMs = isRecord ? Number(kept.lastConnectMs) : Number.NaN;
    return timeMs <= nowMs ? timeMs : Number.NEGATIVE_INFINITY;
  } catch {
    return Number.NEGATIVE_INFINITY;
  }
}
