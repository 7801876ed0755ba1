import { type BackoffBounds, fullJitterMs } from "../../agent/core/backoff.ts";
import type { Clock } from "../../agent/core/clock.ts";
import type { Log } from "../../agent/core/log.ts";
import type { BusCounters, BusFacts, BusSink, CanBus, FrameFilter } from "../../agent/ports/can-bus.ts";
import { type CanFrame, FRAME_FLAG, type FrameBatch } from "../../agent/ports/frame.ts";
import { BusStateTracker } from "./error-state.ts";
import { busOff, cannotTransmit, checkFrame, transmitFailed } from "./faults.ts";
import { createFilter } from "./filter.ts";
import { SocketcandConnection } from "./socketcand-connection.ts";
import { formatSend } from "./socketcand-protocol.ts";

const RECONNECT: BackoffBounds = { minMs: 200, maxMs: 5000 };
/** Bytes that may wait for the network before `send` waits too. */
const MAX_UNSENT_BYTES = 262_144;
const SEND_WAIT_MS = 1000;
const SEND_RETRY_MS = 5;

/** What a bus behind a socketcand server is made of. */
export type SocketcandBusSettings = {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Bus name on the server. */
  readonly interface: string;
  /** What to receive; everything when empty. The protocol has no filters in raw mode, so the client applies them. */
  readonly filters: readonly FrameFilter[];
};

/** Time, the log, and randomness for reconnection (0 <= x < 1). */
export type SocketcandBusParts = { readonly clock: Clock; readonly log: Log; readonly random: () => number };

/**
 * A bus of a socketcand server, over TCP. Connects again by itself, with full jitter, as long as it is started.
 *
 * What the server could not send, or sent while the connection was down, is not known: `dropped` is undefined. Receive times
 * are the server's. Remote frames do not exist in the protocol.
 */
export function createSocketcandBus(settings: SocketcandBusSettings, parts: SocketcandBusParts): CanBus {
  return new SocketcandBus(settings, parts);
}

class SocketcandBus implements CanBus {
  readonly name: string;
  readonly #settings: SocketcandBusSettings;
  readonly #parts: SocketcandBusParts;
  readonly #accepts: (id: number, flags: number) => boolean;
  #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #connection: SocketcandConnection | undefined;
  #state: BusStateTracker | undefined;
  #filtered = 0;
  #received = 0;
  #errorFrames = 0;
  #transmitted = 0;

  constructor(settings: SocketcandBusSettings, parts: SocketcandBusParts) {
    this.name = settings.name;
    this.#settings = settings;
    this.#parts = parts;
    const wanted = createFilter(settings.filters);
    this.#accepts = (id, flags) => {
      const isWanted = wanted(id, flags);
      if (!isWanted) this.#filtered += 1;
      return isWanted;
    };
  }

  /** Resolves when the first connection is open or has failed. */
  async start(sink: BusSink): Promise<void> {
    this.#stopping = new AbortController();
    const first = Promise.withResolvers<void>();
    const state = new BusStateTracker((busState, detail) => {
      sink.onState(busState, detail);
      first.resolve();
    });
    this.#state = state;
    this.#running = this.#run(sink, state, this.#stopping.signal);
    await Promise.race([first.promise, this.#running]);
  }

  facts(): BusFacts {
    return { driver: "socketcand", receiveBuffer: undefined, timestamps: "remote" };
  }

  counters(): BusCounters {
    return {
      received: this.#received,
      dropped: undefined,
      errorFrames: this.#errorFrames,
      transmitted: this.#transmitted,
    };
  }

  filtered(): number {
    return this.#filtered;
  }

  async send(frame: CanFrame): Promise<void> {
    if ((frame.flags & FRAME_FLAG.remote) !== 0) {
      throw cannotTransmit(this.name, "socketcand has no remote frames");
    }
    checkFrame(this.name, frame);
    const deadlineMs = this.#parts.clock.monotonicMs() + SEND_WAIT_MS;
    while (this.#connection !== undefined && this.#connection.unsentBytes > MAX_UNSENT_BYTES) {
      if (this.#parts.clock.monotonicMs() >= deadlineMs) {
        throw transmitFailed(
          this.name,
          `${this.#where()} takes no data`,
          "check the network and the socketcand server",
        );
      }
      await this.#parts.clock.sleep(SEND_RETRY_MS);
    }
    if (this.#connection === undefined) {
      throw transmitFailed(
        this.name,
        `${this.#where()} is not connected`,
        "check the network and the socketcand server",
      );
    }
    if (this.#state?.isBusOff === true) throw busOff(this.name);
    this.#connection.write(formatSend(frame));
    this.#transmitted += 1;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(sink: BusSink, state: BusStateTracker, signal: AbortSignal): Promise<void> {
    const { clock, log, random } = this.#parts;
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      const { why, wasReady } = await this.#connectOnce(sink, state, signal);
      if (signal.aborted) return;
      if (wasReady) attempt = 0;
      log.debug("bus.connection-lost", { bus: this.name, why, attempt });
      state.link("absent", `${this.#where()}: ${why}`);
      await clock.sleep(fullJitterMs(attempt, RECONNECT, random), signal);
    }
  }

  /** Resolves when the connection has ended, with the reason, or when `signal` aborts. */
  #connectOnce(
    sink: BusSink,
    state: BusStateTracker,
    signal: AbortSignal,
  ): Promise<{ readonly why: string; readonly wasReady: boolean }> {
    const { promise, resolve } = Promise.withResolvers<{ readonly why: string; readonly wasReady: boolean }>();
    const settings = { ...this.#settings, accepts: this.#accepts };
    const connection = new SocketcandConnection(
      settings,
      {
        onReady: () => {
          this.#connection = connection;
          state.link("up", `${this.#where()} is connected`);
        },
        onFrames: (batch, errorFrames) => this.#onFrames(sink, state, batch, errorFrames),
        onMalformed: () => this.#parts.log.warn("bus.input-malformed", { bus: this.name }),
        onClosed: (why) => {
          const wasReady = this.#connection === connection;
          this.#connection = undefined;
          signal.removeEventListener("abort", onAbort);
          resolve({ why, wasReady });
        },
      },
      this.#parts.clock,
    );
    const onAbort = (): void => {
      this.#connection = undefined;
      void connection.end().then(() => resolve({ why: "stopped", wasReady: false }));
    };
    signal.addEventListener("abort", onAbort, { once: true });
    return promise;
  }

  #onFrames(sink: BusSink, state: BusStateTracker, batch: FrameBatch, errorFrames: number): void {
    this.#received += batch.count - errorFrames;
    this.#errorFrames += errorFrames;
    sink.onFrames(batch);
    state.frames(batch, errorFrames);
  }

  #where(): string {
    return `socketcand ${this.#settings.host}:${this.#settings.port} bus ${this.#settings.interface}`;
  }
}
