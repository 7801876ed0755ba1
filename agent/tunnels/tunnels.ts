import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import { TokenBucket } from "../core/token-bucket.ts";
import type { DialTunnel } from "../ports/tunnel.ts";
import type { SessionParts } from "./session.ts";
import { Tunnel, type TunnelEnd, type TunnelReading } from "./tunnel.ts";

const MINUTE_MS = 60_000;
/** Connections to local services that a tunnel may open at once, and in a minute. */
const OPENINGS_PER_MINUTE = 120;
/** Records of single connections that there are at once, and in a minute; the end of a tunnel tells how many there were. */
const RECORDS_PER_MINUTE = 30;

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
  readonly cause: "region" | "service" | "minutes" | "busy" | "consent" | "driving" | "policy";
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
  /** Whether the vehicle drives; undefined where nobody knows. */
  readonly isDriving: () => boolean | undefined;
  /** Leaves a record; `event` is dotted. */
  readonly record: (event: string, detail: string) => void;
  /** A UUID. */
  readonly token: () => string;
  readonly random: () => number;
  readonly runtime: { readonly clock: Clock; readonly log: Log };
};

type Open = {
  readonly id: number;
  readonly services: readonly string[];
  readonly token: string;
  readonly tunnel: Tunnel;
};

/** An open tunnel as it is shown. */
export type ShownTunnel = TunnelReading & { readonly id: number; readonly services: readonly string[] };

/** All tunnels of the vehicle: whether one may be opened, those that are, and what becomes of them. */
export class Tunnels {
  readonly #parts: TunnelsParts;
  readonly #open = new Map<number, Open>();
  readonly #running = new Set<Promise<void>>();
  readonly #records: TokenBucket;
  #next = 1;
  #consentEndsMs = Number.NEGATIVE_INFINITY;
  #isStopped = false;
  readonly #counts = { opened: 0, refused: 0 };

  constructor(parts: TunnelsParts) {
    this.#parts = parts;
    const { clock } = parts.runtime;
    this.#records = new TokenBucket(RECORDS_PER_MINUTE, MINUTE_MS, () => clock.monotonicMs());
  }

  /** Since the start. */
  counts(): { readonly opened: number; readonly refused: number } {
    return { ...this.#counts };
  }

  list(): readonly ShownTunnel[] {
    return [...this.#open.values()].map(({ id, services, tunnel }) => ({ id, services, ...tunnel.reading() }));
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

  /** Why none may be opened as things are. */
  refusalNow(): TunnelRefusal | undefined {
    const { settings, isDriving } = this.#parts;
    if (this.#isStopped) return refused("busy", "the agent ends");
    if (this.#open.size >= settings.maxTunnels)
      return refused("busy", `${this.#open.size} are open, the most there may be`);
    if (settings.endsWhenDriving && isDriving() === true) return refused("driving", "the vehicle is in use");
    if (settings.needsConsent && this.consentMs() === undefined) {
      return refused("consent", "nobody at the vehicle has allowed it (causeway tunnel allow)");
    }
    return undefined;
  }

  /** Opens one; the connection is made afterwards. Refusals and tunnels are recorded. */
  open(request: TunnelRequest, origin: TunnelOrigin): Tunnel | TunnelRefusal {
    const refusal = this.#refusalOf(request) ?? this.refusalNow();
    if (refusal !== undefined) return this.refuse(refusal, origin);
    const { settings, dial, local, token, random, runtime } = this.#parts;
    const { region, minutes, accessToken } = request;
    const services = request.services ?? [...settings.services.keys()];
    const ports = new Map([...settings.services].filter(([name]) => services.includes(name)));
    const id = this.#next++;
    const tunnel = new Tunnel({
      target: { ...addressOf(settings.endpoint, region), accessToken, clientToken: token() },
      bounds: minutes === undefined ? settings.bounds : { ...settings.bounds, maxMs: minutes * MINUTE_MS },
      openings: new TokenBucket(OPENINGS_PER_MINUTE, MINUTE_MS, () => runtime.clock.monotonicMs()),
      session: { ...local, ports, maxConnections: settings.maxStreams },
      dial,
      report: {
        opened: (service) => this.#recordSome("tunnel.connection-opened", `tunnel ${id}, ${service}`),
        ended: (service, bytes, detail) => {
          const why = detail === "" ? "" : `, ${detail}`;
          const moved = `${bytes.in} bytes in, ${bytes.out} out`;
          this.#recordSome("tunnel.connection-ended", `tunnel ${id}, ${service}, ${moved}${why}`);
        },
      },
      clock: runtime.clock,
      random,
    });
    this.#open.set(id, { id, services, token: accessToken, tunnel });
    this.#counts.opened += 1;
    this.#record("tunnel.opened", `tunnel ${id} by ${origin}, ${services.join(" and ")}, region ${region}`);
    const running = this.#run(id, tunnel);
    this.#running.add(running);
    void running.then(() => this.#running.delete(running));
    return tunnel;
  }

  /** Notes that one was not opened, and gives `refusal` again. Records are rate-bounded: a flood of requests fills no outbox. */
  refuse(refusal: TunnelRefusal, origin: TunnelOrigin): TunnelRefusal {
    this.#counts.refused += 1;
    this.#recordSome("tunnel.refused", `by ${origin}: ${refusal.detail}`);
    return refusal;
  }

  /** Ends the tunnel of this number, or all of them; gives how many. */
  close(id: number | undefined, end: TunnelEnd): number {
    const meant = [...this.#open.values()].filter((one) => id === undefined || one.id === id);
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

  async #run(id: number, tunnel: Tunnel): Promise<void> {
    const end = await tunnel.run();
    this.#open.delete(id);
    const { openedMs, opened, connects, bytesIn, bytesOut } = tunnel.reading();
    const { ignored, refused: notOpened } = tunnel.passedOver();
    const counts = `connections ${opened}, WebSockets ${connects}, ${bytesIn} bytes in, ${bytesOut} out`;
    const vain = ignored + notOpened === 0 ? "" : `, ${notOpened} connections refused, ${ignored} frames passed over`;
    const why = end.detail === "" ? end.reason : `${end.reason} (${end.detail})`;
    this.#record("tunnel.ended", `tunnel ${id}, ${why} after ${Math.round(openedMs / 1000)} s: ${counts}${vain}`);
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

  #recordSome(event: string, detail: string): void {
    if (!this.#records.hasToken()) return;
    this.#records.take();
    this.#record(event, detail);
  }

  #record(event: string, detail: string): void {
    this.#parts.runtime.log.info(event, { detail });
    this.#parts.record(event, detail);
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
