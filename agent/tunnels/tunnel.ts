import { backoffMs } from "../core/backoff.ts";
import type { Clock } from "../core/clock.ts";
import type { TokenBucket } from "../core/token-bucket.ts";
import type { DialTunnel, TunnelTarget } from "../ports/tunnel.ts";
import { type ConnectionEnd, type SessionParts, type SessionReport, TunnelSession } from "./session.ts";
import type { StreamCounts, TunnelProtocol } from "./streams.ts";
import type { TunnelLink } from "./tunnel-link.ts";

/** Between two attempts to connect. A vehicle comes out of a tunnel of the road within seconds, and a person waits. */
const RECONNECT = { minMs: 500, maxMs: 30_000 } as const;
/** A WebSocket that lasted so long, or carried bytes of a service, was a good one: the next attempt follows at once. */
const SETTLED_MS = 10_000;
/** How often its bounds are looked at. */
const LOOK_MS = 1000;

/** Why a tunnel is over, for its record; `detail` beside it is for people. */
export type TunnelEnd = {
  readonly reason: "refused" | "violated" | "idle" | "time" | "closed" | "driving" | "link" | "stopped";
  readonly detail: string;
};

export type TunnelBounds = {
  /** Longest life, ms. */
  readonly maxMs: number;
  /** It ends when no byte of a service was moved for so long, ms. */
  readonly idleMs: number;
};

/** What a tunnel tells of its WebSockets and connections. Texts are for people; no one holds a token. */
export type TunnelReport = {
  /** `connection` counts from 1 within the tunnel. */
  opened(connection: number, service: string): void;
  ended(connection: number, end: ConnectionEnd & { readonly lastedMs: number }): void;
  /** `channel` is how the service calls this WebSocket, and what its people ask for; "" where it does not say. */
  connected(protocol: TunnelProtocol, channel: string): void;
  /** A WebSocket was not opened, or has ended while the tunnel lives. */
  cut(detail: string): void;
};

export type TunnelParts = {
  readonly target: TunnelTarget;
  readonly bounds: TunnelBounds;
  /** Connections to local services that may be opened. */
  readonly openings: TokenBucket;
  readonly session: Pick<SessionParts, "ports" | "maxConnections" | "readFrame" | "openLocal">;
  readonly net: { readonly dial: DialTunnel; readonly link: TunnelLink };
  readonly report: TunnelReport;
  readonly clock: Clock;
  readonly random: () => number;
};

/** How far a tunnel is. Bytes are those of local services since it was opened. */
export type TunnelReading = {
  readonly state: "connecting" | "open";
  readonly openedMs: number;
  readonly leftMs: number;
  /** Local connections at this moment, and since it was opened. */
  readonly connections: number;
  readonly opened: number;
  /** WebSockets that were opened. */
  readonly connects: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Why there is no WebSocket, for people; undefined while there is one, and before the first attempt. */
  readonly problem: string | undefined;
};

/**
 * One tunnel: a WebSocket after another with the same client token, until it ends for good. A cut ends the local connections; the source
 * opens others once the next WebSocket is there.
 */
export class Tunnel {
  readonly #parts: TunnelParts;
  readonly #ending = new AbortController();
  readonly #connected = Promise.withResolvers<TunnelEnd | undefined>();
  readonly #startedMs: number;
  #end: TunnelEnd | undefined;
  #session: TunnelSession | undefined;
  #isOpen = false;
  #problem: string | undefined;
  #movedMs: number;
  /** Of messages of the WebSocket, not yet told to the link. */
  #carriedBytes = 0;
  #counts = { connects: 0, opened: 0, bytesIn: 0, bytesOut: 0, ignored: 0, refused: 0 };

  constructor(parts: TunnelParts) {
    this.#parts = parts;
    this.#startedMs = parts.clock.boottimeMs();
    this.#movedMs = this.#startedMs;
  }

  /** Resolves with the end, or with undefined once the first WebSocket is open. */
  get connected(): Promise<TunnelEnd | undefined> {
    return this.#connected.promise;
  }

  reading(): TunnelReading {
    const openedMs = this.#parts.clock.boottimeMs() - this.#startedMs;
    const { connects, opened, bytesIn, bytesOut } = this.#counts;
    return {
      state: this.#isOpen ? "open" : "connecting",
      openedMs,
      leftMs: Math.max(0, this.#parts.bounds.maxMs - openedMs),
      connections: this.#session?.connections ?? 0,
      opened,
      connects,
      bytesIn,
      bytesOut,
      problem: this.#problem,
    };
  }

  /** What the other side sent in vain. */
  passedOver(): StreamCounts {
    const now = this.#session?.counts() ?? { ignored: 0, refused: 0 };
    return { ignored: this.#counts.ignored + now.ignored, refused: this.#counts.refused + now.refused };
  }

  /** Ends it; the first reason counts. */
  close(end: TunnelEnd): void {
    this.#end ??= end;
    this.#ending.abort();
    this.#session?.close(end.detail);
  }

  /** Keeps it open until its end, and gives why that came. */
  async run(): Promise<TunnelEnd> {
    const { signal } = this.#ending;
    const stopLooking = this.#parts.clock.every(LOOK_MS, () => this.#look());
    try {
      for (let attempt = 0; !signal.aborted; attempt++) {
        // One that takes each WebSocket and ends it at once (a quota, a proxy) is asked later and later, as one that takes none.
        if (await this.#connectOnce(signal)) attempt = 0;
        // Half of it for sure: nobody is asked again at once.
        const mostMs = backoffMs(attempt, RECONNECT);
        if (!signal.aborted) await this.#parts.clock.sleep((mostMs / 2) * (1 + this.#parts.random()), signal);
      }
    } finally {
      stopLooking();
      this.#settle();
    }
    const end = this.#end ?? { reason: "stopped", detail: "" };
    this.#connected.resolve(end);
    return end;
  }

  /** One WebSocket from its handshake to its end; whether it was a good one. */
  async #connectOnce(signal: AbortSignal): Promise<boolean> {
    const { target, session: given, report, net, openings } = this.#parts;
    const mayOpen = (): boolean => {
      if (!openings.hasToken()) return false;
      openings.take();
      return true;
    };
    const cut = (detail: string): void => {
      if (signal.aborted) return;
      this.#problem = detail;
      report.cut(detail);
    };
    const session = new TunnelSession({ ...given, mayOpen, report: this.#counting() });
    const outcome = await net.dial(target, session.handlers, signal);
    if (outcome.kind === "refused") this.close({ reason: "refused", detail: outcome.detail });
    if (outcome.kind !== "open") {
      cut(outcome.detail);
      return false;
    }
    const beganMs = this.#parts.clock.boottimeMs();
    const movedBefore = this.#counts.bytesIn + this.#counts.bytesOut;
    this.#session = session;
    this.#isOpen = true;
    this.#problem = undefined;
    this.#counts.connects += 1;
    report.connected(outcome.socket.protocol, outcome.socket.channelId);
    session.begin(outcome.socket);
    if (signal.aborted) session.close("");
    else this.#connected.resolve(undefined);
    const end = await session.over;
    this.#isOpen = false;
    this.#session = undefined;
    const { ignored, refused } = session.counts();
    this.#counts.ignored += ignored;
    this.#counts.refused += refused;
    if (end.kind === "violated") this.close({ reason: "violated", detail: end.detail });
    cut(end.detail);
    const hasMoved = this.#counts.bytesIn + this.#counts.bytesOut > movedBefore;
    return hasMoved || this.#parts.clock.boottimeMs() - beganMs >= SETTLED_MS;
  }

  /** The report of one session: its connections get the numbers of the tunnel. */
  #counting(): SessionReport {
    const { clock, report } = this.#parts;
    const running = new Map<number, { readonly connection: number; readonly sinceMs: number }>();
    return {
      moved: (direction, bytes) => this.#moved(direction, bytes),
      carried: (bytes) => {
        this.#carriedBytes += bytes;
      },
      opened: (number, service) => {
        const connection = ++this.#counts.opened;
        running.set(number, { connection, sinceMs: clock.boottimeMs() });
        report.opened(connection, service);
      },
      ended: (number, end) => {
        const found = running.get(number);
        if (found === undefined) return;
        running.delete(number);
        report.ended(found.connection, { ...end, lastedMs: clock.boottimeMs() - found.sinceMs });
      },
    };
  }

  #moved(direction: "in" | "out", bytes: number): void {
    this.#movedMs = this.#parts.clock.boottimeMs();
    if (direction === "in") this.#counts.bytesIn += bytes;
    else this.#counts.bytesOut += bytes;
  }

  /** Once a look: what goes through a tunnel is many messages a second. */
  #settle(): void {
    if (this.#carriedBytes > 0) this.#parts.net.link.spent(this.#carriedBytes);
    this.#carriedBytes = 0;
  }

  #look(): void {
    this.#settle();
    const { clock, bounds, net } = this.#parts;
    const held = net.link.heldBy();
    if (held !== undefined) this.close({ reason: "link", detail: held });
    const nowMs = clock.boottimeMs();
    if (nowMs - this.#startedMs >= bounds.maxMs) this.close({ reason: "time", detail: "its time is over" });
    else if (nowMs - this.#movedMs >= bounds.idleMs) this.close({ reason: "idle", detail: "nothing was moved" });
  }
}
