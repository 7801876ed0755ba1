import { type BackoffBounds, fullJitterMs } from "../../agent/core/backoff.ts";
import type { Clock } from "../../agent/core/clock.ts";
import type { Log } from "../../agent/core/log.ts";
import type { BusCounters, BusFacts, BusSink, CanBus, FrameFilter } from "../../agent/ports/can-bus.ts";
import { type CanFrame, FRAME_FLAG } from "../../agent/ports/frame.ts";
import { Delivery } from "./delivery.ts";
import { busOff, cannotTransmit, checkFrame, transmitFailed } from "./faults.ts";
import { ReceiveFilter } from "./filter.ts";
import { SocketcandConnection } from "./socketcand-connection.ts";
import { formatSend } from "./socketcand-protocol.ts";

const RECONNECT: BackoffBounds = { minMs: 200, maxMs: 5000 };
/** Bytes that may wait for the network before `send` waits too. */
const MAX_UNSENT_BYTES = 262_144;
const SEND_WAIT_MS = 1000;
const SEND_RETRY_MS = 5;

/** Which bus of which socketcand server. */
export type SocketcandBusSettings = {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Bus name on the server. */
  readonly interface: string;
  /** What to receive at first. The protocol has no filters in raw mode, so the client applies them. */
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

/** How a connection ended; `wasReady`: after it had been open. */
type ServerEnd = { readonly why: string; readonly wasReady: boolean };

class SocketcandBus implements CanBus {
  readonly name: string;
  readonly #settings: SocketcandBusSettings;
  readonly #parts: SocketcandBusParts;
  readonly #filter: ReceiveFilter;
  readonly #delivery = new Delivery();
  #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #connection: SocketcandConnection | undefined;
  #transmitted = 0;

  constructor(settings: SocketcandBusSettings, parts: SocketcandBusParts) {
    this.name = settings.name;
    this.#settings = settings;
    this.#parts = parts;
    this.#filter = new ReceiveFilter(settings.filters);
  }

  /** Resolves when the first connection is open or has failed. */
  async start(sink: BusSink): Promise<void> {
    this.#stopping = new AbortController();
    const firstState = this.#delivery.open(sink);
    this.#running = this.#run(this.#stopping.signal);
    await Promise.race([firstState, this.#running]);
  }

  receive(filters: readonly FrameFilter[]): void {
    this.#filter.use(filters);
  }

  facts(): BusFacts {
    return { driver: "socketcand", receiveBuffer: undefined, timestamps: "remote" };
  }

  counters(): BusCounters {
    return this.#delivery.counters(undefined, this.#transmitted);
  }

  filtered(): number {
    return this.#filter.heldBack;
  }

  traffic(): undefined {
    return undefined;
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
    if (this.#delivery.isBusOff) throw busOff(this.name);
    this.#connection.write(formatSend(frame));
    this.#transmitted += 1;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#delivery.close();
    await this.#running;
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, log, random } = this.#parts;
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      const { why, wasReady } = await this.#connectOnce(signal);
      if (signal.aborted) return;
      if (wasReady) attempt = 0;
      log.debug("bus.connection-lost", { bus: this.name, why, attempt });
      this.#delivery.link("absent", `${this.#where()}: ${why}`);
      await clock.sleep(fullJitterMs(attempt, RECONNECT, random), signal);
    }
  }

  /** Resolves when the connection has ended, with the reason, or when `signal` aborts. */
  #connectOnce(signal: AbortSignal): Promise<ServerEnd> {
    const { promise, resolve } = Promise.withResolvers<ServerEnd>();
    const connection = new SocketcandConnection(
      this.#settings,
      this.#filter,
      {
        onReady: () => {
          this.#connection = connection;
          this.#delivery.link("up", `${this.#where()} is connected`);
        },
        onFrames: (batch, errorFrames) => this.#delivery.frames(batch, errorFrames),
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

  #where(): string {
    return `socketcand ${this.#settings.host}:${this.#settings.port} bus ${this.#settings.interface}`;
  }
}
