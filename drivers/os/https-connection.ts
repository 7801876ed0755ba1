import { isIP } from "node:net";
import { connect, type TLSSocket, type ConnectionOptions as TlsOptions } from "node:tls";
import type { HttpProxy, ProxyRule } from "../../agent/ports/http-proxy.ts";

const HTTPS_PORT = 443;

/** How a server is reached. */
export type HttpsTarget = {
  readonly url: string;
  /** Root certificates, PEM, in place of those that Node brings. */
  readonly ca: string | undefined;
  readonly proxyFor: ProxyRule;
  /** Longest silence, ms. */
  readonly idleMs: number;
};

/** Takes what comes over a connection in place of its stream (`onread` of node:net): into one buffer, so many bytes at a time; false pauses. */
export type OnRead = {
  readonly buffer: Uint8Array;
  readonly callback: (bytes: number, buffer: Uint8Array) => boolean;
};

/** Who takes it. `attach` comes before anything else does. */
export type Tap = { readonly onRead: OnRead; attach(socket: TLSSocket): void };

/** A request of node:https that has a connection of its own. */
export type ConnectionOptions =
  | { readonly ca: string | undefined; readonly agent: false }
  | { readonly createConnection: () => TLSSocket };

/** Options of a request that is to have a connection of its own, through the proxy where there is one for the host. Rejects with the proxy's fault. */
export async function connectionOptions(target: HttpsTarget, signal: AbortSignal): Promise<ConnectionOptions> {
  const proxy = target.proxyFor(placeOf(target.url).host);
  if (proxy === undefined) return { ca: target.ca, agent: false };
  const through = await connectThrough(proxy, target, signal);
  return { createConnection: () => through };
}

/** The same, and `tap` takes what comes. Undefined where there is a proxy: node:tls has no such thing for a connection over another. */
export function tappedConnection({ url, ca, proxyFor }: HttpsTarget, tap: Tap): ConnectionOptions | undefined {
  const place = placeOf(url);
  if (proxyFor(place.host) !== undefined) return undefined;
  const options: TlsOptions & { readonly onread: OnRead } = {
    ...place,
    ...tlsOptions(place.host, ca),
    onread: tap.onRead,
  };
  return {
    createConnection: () => {
      const socket = connect(options);
      tap.attach(socket);
      return socket;
    },
  };
}

/** TLS with the server, not with the proxy: the same roots and the same check of the name as without one. */
async function connectThrough(
  proxy: HttpProxy,
  { url, ca, idleMs }: HttpsTarget,
  signal: AbortSignal,
): Promise<TLSSocket> {
  const place = placeOf(url);
  const socket = await proxy.tunnel(place, idleMs, signal);
  const { host } = place;
  return connect({ socket, host, ...tlsOptions(host, ca) });
}

function tlsOptions(host: string, ca: string | undefined) {
  return { ca, ALPNProtocols: ["http/1.1"], ...(isIP(host) === 0 ? { servername: host } : {}) };
}

function placeOf(url: string): { readonly host: string; readonly port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname.replace(/^\[(.*)\]$/, "$1"), port: port === "" ? HTTPS_PORT : Number(port) };
}
