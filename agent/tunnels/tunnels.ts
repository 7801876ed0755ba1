import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import { TokenBucket } from "../core/token-bucket.ts";
import type { DialTunnel } from "../ports/tunnel.ts";
import type { SessionParts } from "./session.ts";
import { Tunnel, type TunnelEnd, type TunnelReading, type TunnelReport } from "./tunnel.ts";
import type { TunnelLink } from "./tunnel-link.ts";
import { type TunnelIdentity, TunnelRecords, type TunnelRecordsParts, tokenDigest } from "./tunnel-records.ts";

const MINUTE_MS = 60_000;
/** Connections to local services that a tunnel may open at once, and in a minute. */
const OPENINGS_PER_MINUTE = 120;
/** A notification that found its tunnel open yet waits so long for that to lose its WebSocket, ms: a vehicle notices a dead link by two pings. */
const SUCCESSOR_MS = 120_000;
/** Tunnels that notifications may open at once, and in a minute: nobody has signed them. */
const NOTIFICATIONS_PER_MINUTE = 10;

/** What is asked for when a tunnel is to be opened. `accessToken` is a secret. */
export type TunnelRequest = {
  readonly accessToken: string;
  readonly region: string;
  /** Undefined: all that the configuration lists. */
  readonly services: readonly string[] | undefined;
  /** Undefined: as long as the configuration allows. */
  readonly minutes: number | undefined;
};

/** Who asks for a tunnel. "notification": the service itself, which nobody has signed. */
export type TunnelOrigin = "command" | "notification";

/** Why a tunnel is not opened. `detail` is for people and names the value that is wrong, and never the token. */
export type TunnelRefusal = {
  readonly kind: "refused";
  readonly cause: "region" | "service" | "minutes" | "busy" | "consent" | "driving" | "link" | "policy";
  readonly detail: string;
};

/** What the configuration says, with ms for its minutes. */
export type TunnelSettings = {
  /** Local ports by service. */
  readonly services: ReadonlyMap<string, number>;
  readonly regions: readonly string[];
  /** HOST or HOST:PORT with {region} in it. */
  readonly endpoint: string;
  readonly bounds: { readonly maxMs: number; readonly idleMs: number };
  readonly maxTunnels: number;
  /** Of a tunnel, at a time. */
  readonly maxStreams: number;
  readonly needsConsent: boolean;
  readonly endsWhenDriving: boolean;
};

export type TunnelsParts = {
  readonly settings: TunnelSettings;
  readonly dial: DialTunnel;
  readonly local: Pick<SessionParts, "readFrame" | "openLocal">;
  readonly vehicle: {
    /** Undefined where nobody knows. */
    readonly isDriving: () => boolean | undefined;
    readonly link: TunnelLink;
  };
  readonly record: TunnelRecordsParts["record"];
  /** A UUID. */
  readonly token: () => string;
  readonly random: () => number;
  readonly runtime: { readonly clock: Clock; readonly log: Log };
};

type Open = {
  readonly of: TunnelIdentity & { readonly origin: TunnelOrigin };
  readonly token: string;
  readonly tunnel: Tunnel;
};

/** Of all tunnels since the start. */
export type TunnelCounts = {
  readonly opened: number;
  readonly refused: number;
  /** To local services. */
  readonly connections: number;
  /** WebSockets. */
  readonly connects: number;
  /** Of local services. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Records of connections and refusals that were not made, because there were too many in a minute. */
  readonly untold: number;
};

type Moved = Pick<TunnelCounts, "connections" | "connects" | "bytesIn" | "bytesOut">;

function sumOf(moved: Moved, { opened, connects, bytesIn, bytesOut }: TunnelReading): Moved {
  return {
    connections: moved.connections + opened,
    connects: moved.connects + connects,
    bytesIn: moved.bytesIn + bytesIn,
    bytesOut: moved.bytesOut + bytesOut,
  };
}

/** An open tunnel as it is shown. */
export type ShownTunnel = TunnelReading & { readonly id: number; readonly services: readonly string[] };

/** All tunnels of the vehicle: whether one may be opened, those that are, and what becomes of them. */
export class Tunnels {
  readonly #parts: TunnelsParts;
  readonly #open = new Map<number, Open>();
  readonly #running = new Set<Promise<void>>();
  readonly #records: TunnelRecords;
  readonly #notifications: TokenBucket;
  /** The newest notification that waits for the tunnel of its services: the token of that was rotated. */
  #successor: { readonly request: TunnelRequest; readonly untilMs: number } | undefined;
  #next = 1;
  #consentEndsMs = Number.NEGATIVE_INFINITY;
  #isStopped = false;
  readonly #counts = { opened: 0, refused: 0 };
  /** Those that are not over, and what those had that are: no count sinks when one ends. */
  readonly #alive = new Set<Tunnel>();
  #past: Moved = { connections: 0, connects: 0, bytesIn: 0, bytesOut: 0 };

  constructor(parts: TunnelsParts) {
    this.#parts = parts;
    const { record, runtime } = parts;
    this.#records = new TunnelRecords({ record, ...runtime });
    const nowMs = (): number => runtime.clock.monotonicMs();
    this.#notifications = new TokenBucket(NOTIFICATIONS_PER_MINUTE, MINUTE_MS, nowMs);
  }

  counts(): TunnelCounts {
    let moved = this.#past;
    for (const tunnel of this.#alive) moved = sumOf(moved, tunnel.reading());
    return { ...this.#counts, ...moved, untold: this.#records.untold };
  }

  list(): readonly ShownTunnel[] {
    return [...this.#open.values()].map(({ of, tunnel }) => {
      return { id: of.number, services: of.services, ...tunnel.reading() };
    });
  }

  /** For how long the consent of a person at the vehicle holds yet, ms; undefined where there is none, or none is needed. */
  consentMs(): number | undefined {
    const leftMs = this.#consentEndsMs - this.#parts.runtime.clock.boottimeMs();
    return this.#parts.settings.needsConsent && leftMs > 0 ? leftMs : undefined;
  }

  /** A person at the vehicle allows tunnels to be opened for `forMs`; 0 takes that back, and leaves those that are open. */
  allow(forMs: number): void {
    this.#consentEndsMs = forMs === 0 ? Number.NEGATIVE_INFINITY : this.#parts.runtime.clock.boottimeMs() + forMs;
  }

  /** Why none may be opened as things are, for these services, or for all when undefined. */
  refusalNow(services: TunnelRequest["services"], origin: TunnelOrigin): TunnelRefusal | undefined {
    const { settings, vehicle } = this.#parts;
    if (this.#isStopped) return refused("busy", "the agent ends");
    const { size } = this.#open;
    if (size >= settings.maxTunnels && this.#replaced(services, origin) === undefined) {
      return refused("busy", `${size} are open, the most there may be`);
    }
    if (settings.endsWhenDriving && vehicle.isDriving() === true) return refused("driving", "the vehicle is in use");
    const held = vehicle.link.heldBy();
    if (held !== undefined) return refused("link", held);
    if (settings.needsConsent && this.consentMs() === undefined) {
      return refused("consent", "nobody at the vehicle has allowed it (causeway tunnel allow)");
    }
    return undefined;
  }

  /** Opens one; the connection is made afterwards. Refusals and tunnels are recorded. */
  open(request: TunnelRequest, origin: TunnelOrigin): Tunnel | TunnelRefusal {
    const refusal = this.#refusalOf(request) ?? this.refusalNow(request.services, origin) ?? this.#rateRefusal(origin);
    if (refusal !== undefined) {
      if (origin === "notification" && refusal.cause === "busy") this.#wait(request);
      return this.refuse(refusal, origin, request);
    }
    const replaced = this.#replaced(request.services, origin);
    if (replaced !== undefined) {
      this.#open.delete(replaced.of.number);
      replaced.tunnel.close({ reason: "closed", detail: "another token came" });
    }
    const of = { ...this.#identityOf(request), number: this.#next++, origin };
    const told = { untold: 0 };
    const tunnel = this.#tunnelOf(
      request,
      of.services,
      this.#records.reportOf(of, told, () => this.#succeed()),
    );
    this.#open.set(of.number, { of, token: request.accessToken, tunnel });
    this.#counts.opened += 1;
    this.#records.opened(of);
    this.#alive.add(tunnel);
    const running = this.#run(of, tunnel, told);
    this.#running.add(running);
    void running.then(() => this.#running.delete(running));
    return tunnel;
  }

  #identityOf({ accessToken, services, region }: TunnelRequest): Omit<TunnelIdentity, "number" | "origin"> {
    const { settings } = this.#parts;
    return { tunnel: tokenDigest(accessToken), services: services ?? [...settings.services.keys()], region };
  }

  #tunnelOf(
    { region, minutes, accessToken }: TunnelRequest,
    services: readonly string[],
    report: TunnelReport,
  ): Tunnel {
    const { settings, dial, local, vehicle, token, random, runtime } = this.#parts;
    const { clock } = runtime;
    const ports = new Map([...settings.services].filter(([name]) => services.includes(name)));
    return new Tunnel({
      target: { ...addressOf(settings.endpoint, region), accessToken, clientToken: token() },
      bounds: minutes === undefined ? settings.bounds : { ...settings.bounds, maxMs: minutes * MINUTE_MS },
      openings: new TokenBucket(OPENINGS_PER_MINUTE, MINUTE_MS, () => clock.monotonicMs()),
      session: { ...local, ports, maxConnections: settings.maxStreams },
      net: { dial, link: vehicle.link },
      report,
      clock,
      random,
    });
  }

  /** Notes that one was not opened, and gives `refusal` again. Records are rate-bounded: a flood of requests fills no outbox. */
  refuse(refusal: TunnelRefusal, origin: TunnelOrigin, request?: TunnelRequest): TunnelRefusal {
    this.#counts.refused += 1;
    const asked = request === undefined ? { tunnel: "", services: [], region: "" } : this.#identityOf(request);
    this.#records.refused({ ...asked, number: 0, origin }, refusal.cause, refusal.detail);
    return refusal;
  }

  /** Ends the tunnel of this number, or all of them; gives how many. */
  close(id: number | undefined, end: TunnelEnd): number {
    const meant = [...this.#open.values()].filter(({ of }) => id === undefined || of.number === id);
    for (const { tunnel } of meant) tunnel.close(end);
    return meant.length;
  }

  /** The vehicle has begun to drive. */
  driving(): void {
    if (this.#parts.settings.endsWhenDriving)
      this.close(undefined, { reason: "driving", detail: "the vehicle is in use" });
  }

  /** Ends all, and waits until they are over. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.close(undefined, { reason: "stopped", detail: "the agent ends" });
    await Promise.all(this.#running);
  }

  async #run(of: TunnelIdentity, tunnel: Tunnel, told: { readonly untold: number }): Promise<void> {
    const end = await tunnel.run();
    this.#open.delete(of.number);
    const reading = tunnel.reading();
    this.#alive.delete(tunnel);
    this.#past = sumOf(this.#past, reading);
    this.#succeed();
    const { opened: connections, connects } = reading;
    this.#records.ended(of, end, reading, { connections, connects, ...tunnel.passedOver(), untold: told.untold });
  }

  #refusalOf({ region, services, minutes, accessToken }: TunnelRequest): TunnelRefusal | undefined {
    const { settings } = this.#parts;
    if (!settings.regions.includes(region)) return refused("region", `region ${region} is not in tunnels.regions`);
    const strange = services?.find((name) => !settings.services.has(name));
    if (strange !== undefined) return refused("service", `service ${strange} is not in tunnels.services`);
    if (services?.length === 0) return refused("service", "it names no service");
    const maxMinutes = settings.bounds.maxMs / MINUTE_MS;
    if (minutes !== undefined && minutes > maxMinutes) {
      return refused("minutes", `${minutes} minutes are more than tunnels.maxMinutes, ${maxMinutes}`);
    }
    const isKnown = [...this.#open.values()].some(({ token }) => token === accessToken);
    return isKnown ? refused("busy", "this tunnel is open already") : undefined;
  }

  /**
   * The tunnel that a new one takes the place of: for the same services, and without a WebSocket. Its token was rotated, which cuts it;
   * what nobody has signed ends nothing that was.
   */
  #replaced(
    asked: TunnelRequest["services"],
    origin: TunnelOrigin,
    state: TunnelReading["state"] = "connecting",
  ): Open | undefined {
    const wanted = new Set(asked ?? this.#parts.settings.services.keys());
    return [...this.#open.values()].find(({ of: { services, origin: before }, tunnel }) => {
      const isSame = services.length === wanted.size && services.every((name) => wanted.has(name));
      const mayEnd = origin === "command" || before === "notification";
      return isSame && mayEnd && tunnel.reading().state === state;
    });
  }

  /** A tunnel whose token was rotated is cut, or will be found to be: what came too early for that is opened then. */
  #wait(request: TunnelRequest): void {
    const isNew = [...this.#open.values()].every(({ token }) => token !== request.accessToken);
    if (!isNew || this.#replaced(request.services, "notification", "open") === undefined) return;
    this.#successor = { request, untilMs: this.#parts.runtime.clock.boottimeMs() + SUCCESSOR_MS };
  }

  #succeed(): void {
    const waits = this.#successor;
    if (waits === undefined || this.#isStopped) return;
    const isLate = waits.untilMs < this.#parts.runtime.clock.boottimeMs();
    if (!isLate && this.refusalNow(waits.request.services, "notification")?.cause === "busy") return;
    this.#successor = undefined;
    if (!isLate) this.open(waits.request, "notification");
  }

  #rateRefusal(origin: TunnelOrigin): TunnelRefusal | undefined {
    if (origin === "command") return undefined;
    if (!this.#notifications.hasToken()) return refused("busy", "there were too many notifications in the last minute");
    this.#notifications.take();
    return undefined;
  }
}

function refused(cause: TunnelRefusal["cause"], detail: string): TunnelRefusal {
  return { kind: "refused", cause, detail };
}

const HTTPS_PORT = 443;

function addressOf(endpoint: string, region: string): { readonly host: string; readonly port: number } {
  const [host = "", port] = endpoint.replaceAll("{region}", region).split(":");
  return { host, port: port === undefined ? HTTPS_PORT : Number(port) };
}
