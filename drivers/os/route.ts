import { createSocket } from "node:dgram";
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { type BackoffBounds, backoffMs } from "../../agent/core/backoff.ts";
import type { Clock } from "../../agent/core/clock.ts";

/** A name that is known is resolved again after this, ms. */
const REFRESH_MS = 3_600_000;
/** Between two tries while there is no way to any of its addresses, ms: it doubles. */
const RETRY: BackoffBounds = { minMs: 1000, maxMs: 300_000 };

/** Where a way leads. `host` may be an address, an IPv6 one with or without brackets. `resolve` gives all addresses of a name, or rejects. */
export type RouteParts = {
  readonly host: string;
  readonly port: number;
  readonly clock: Pick<Clock, "monotonicMs">;
  readonly resolve?: (name: string) => Promise<readonly string[]>;
};

/**
 * The way to one host. The kernel is asked at every look, which sends nothing; the resolver, which asks over the link that may cost,
 * once an hour, and with growing pauses while there is no way.
 */
export class Route {
  readonly #parts: RouteParts;
  readonly #host: string;
  #addresses: readonly string[];
  #askedMs = Number.NEGATIVE_INFINITY;
  #failures = 0;

  constructor(parts: RouteParts) {
    this.#parts = parts;
    this.#host = parts.host.replace(/^\[(.*)\]$/, "$1");
    this.#addresses = isIP(this.#host) === 0 ? [] : [this.#host];
  }

  /**
   * Name of the network interface by which packets to the host leave now; undefined when there is no way, or its name was never resolved.
   * The resolver is waited for only where no way is known. `isReached`: somebody has just reached the host, so that no pause is held.
   */
  async interfaceName(isReached = false): Promise<string | undefined> {
    const { clock, port } = this.#parts;
    const name = await interfaceTowards(this.#addresses, port);
    const ageMs = clock.monotonicMs() - this.#askedMs;
    const pauseMs = isReached ? 0 : backoffMs(this.#failures, RETRY);
    if (isIP(this.#host) !== 0 || ageMs < (name === undefined ? pauseMs : REFRESH_MS)) return name;
    const found = this.#resolve();
    return name ?? (await found);
  }

  async #resolve(): Promise<string | undefined> {
    const { clock, port, resolve = resolveName } = this.#parts;
    this.#askedMs = clock.monotonicMs();
    try {
      this.#addresses = await resolve(this.#host);
    } catch {
      // Without coverage there is no answer: what was known stays.
    }
    const found = await interfaceTowards(this.#addresses, port);
    this.#failures = found === undefined ? this.#failures + 1 : 0;
    return found;
  }
}

async function resolveName(name: string): Promise<readonly string[]> {
  return (await lookup(name, { all: true })).map(({ address }) => address);
}

async function interfaceTowards(addresses: readonly string[], port: number): Promise<string | undefined> {
  for (const address of addresses) {
    const local = await localAddress(isIP(address) === 6 ? "udp6" : "udp4", address, port);
    const all = local === undefined ? [] : Object.entries(networkInterfaces());
    const found = all.find(([, entries]) => entries?.some((entry) => entry.address === local));
    if (found !== undefined) return found[0];
  }
  return undefined;
}

/** connect(2) on a datagram socket only chooses the way. */
function localAddress(type: "udp4" | "udp6", host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(type);
    const end = (address: string | undefined): void => {
      socket.close();
      resolve(address);
    };
    socket.once("error", () => end(undefined));
    socket.connect(port, host, () => end(socket.address().address));
  });
}
