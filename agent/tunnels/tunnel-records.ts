import { createHash } from "node:crypto";
import type { Clock } from "../core/clock.ts";
import type { Log, LogFacts } from "../core/log.ts";
import { TokenBucket } from "../core/token-bucket.ts";
import type { TunnelEvent, TunnelTotals } from "../telemetry/record/encode/tunnel-event.ts";
import type { TunnelEnd, TunnelReading, TunnelReport } from "./tunnel.ts";

const MINUTE_MS = 60_000;
/** Records of connections, and of refusals, that there are at once, and in a minute; what is beyond that is counted. */
const RECORDS_PER_MINUTE = 30;
/** Hexadecimal digits of the digest of an access token. */
const DIGEST_DIGITS = 16;

/** What every record of a tunnel says of it; `number` is 0 of one that was refused, `tunnel` the digest of its token. */
export type TunnelIdentity = Pick<TunnelEvent, "tunnel" | "number" | "origin" | "services" | "region">;

export type TunnelRecordsParts = {
  readonly record: (event: TunnelEvent) => void;
  readonly clock: Clock;
  readonly log: Log;
};

/** By which a tunnel is known in records: the token is a secret, and random enough that its digest tells nothing of it. */
export function tokenDigest(accessToken: string): string {
  return createHash("sha256").update(accessToken).digest("hex").slice(0, DIGEST_DIGITS);
}

/**
 * What records and the log tell of tunnels. Connections and refusals have a rate each, so that a flood of one hides nothing of the other;
 * what is beyond is counted, and told with the next one, or at the end of the tunnel.
 */
export class TunnelRecords {
  readonly #parts: TunnelRecordsParts;
  readonly #connections: TokenBucket;
  readonly #refusals: TokenBucket;
  #untold = 0;
  #untoldRefusals = 0;

  constructor(parts: TunnelRecordsParts) {
    this.#parts = parts;
    const bucket = () => new TokenBucket(RECORDS_PER_MINUTE, MINUTE_MS, () => parts.clock.monotonicMs());
    [this.#connections, this.#refusals] = [bucket(), bucket()];
  }

  /** Records that were not made, since the start. */
  get untold(): number {
    return this.#untold;
  }

  opened(of: TunnelIdentity): void {
    const { number, tunnel, origin, services, region } = of;
    this.#tell(of, { event: "opened" }, { tunnel: number, digest: tunnel, origin, services: services.join(), region });
  }

  refused(of: TunnelIdentity, reason: string, detail: string): void {
    if (!this.#refusals.hasToken()) {
      this.#untold += 1;
      this.#untoldRefusals += 1;
      return;
    }
    this.#refusals.take();
    const untold = this.#untoldRefusals;
    this.#untoldRefusals = 0;
    const { tunnel: digest, origin } = of;
    this.#tell(of, { event: "refused", reason, detail, untold }, { digest, origin, reason, detail, untold });
  }

  /** For the tunnel itself; `told` counts the records of its connections that were not made, `onCut` is called for each WebSocket that is gone. */
  reportOf(of: TunnelIdentity, told: { untold: number }, onCut: () => void): TunnelReport {
    const { log } = this.#parts;
    const { number: tunnel } = of;
    const some = (event: Partial<TunnelEvent> & Pick<TunnelEvent, "event">, facts: LogFacts): void => {
      if (this.#connections.hasToken()) {
        this.#connections.take();
        this.#tell(of, event, { tunnel, ...facts });
        return;
      }
      this.#untold += 1;
      told.untold += 1;
    };
    return {
      connected: (protocol, channel) => log.info("tunnel.connected", { tunnel, protocol, channel }),
      cut: (detail) => {
        log.info("tunnel.cut", { tunnel, detail });
        onCut();
      },
      opened: (connection, service) =>
        some({ event: "connection-opened", connection, services: [service] }, { connection, service }),
      ended: (connection, { service, ...end }) =>
        some({ event: "connection-ended", connection, services: [service], ...whole(end) }, { connection, ...end }),
    };
  }

  ended(
    of: TunnelIdentity,
    end: TunnelEnd,
    { openedMs, bytesIn, bytesOut }: TunnelReading,
    counts: TunnelTotals,
  ): void {
    const moved = whole({ bytesIn, bytesOut, lastedMs: openedMs });
    this.#tell(of, { event: "ended", ...end, ...moved, counts }, { tunnel: of.number, ...end, ...moved, ...counts });
  }

  #tell(of: TunnelIdentity, event: Partial<TunnelEvent> & Pick<TunnelEvent, "event">, facts: LogFacts): void {
    const { record, clock, log } = this.#parts;
    log.info(`tunnel.${event.event}`, facts);
    const nothing = { connection: 0, bytesIn: 0, bytesOut: 0, lastedMs: 0, reason: "", detail: "" };
    record({ ...nothing, counts: undefined, untold: 0, timeUs: clock.wallUs(), ...of, ...event });
  }
}

/** A record has whole milliseconds. */
function whole<T extends { readonly lastedMs: number }>(moved: T): T {
  return { ...moved, lastedMs: Math.round(moved.lastedMs) };
}
