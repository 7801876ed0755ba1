import { isIP } from "node:net";
import { connect, type TLSSocket } from "node:tls";
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

/** The options of a request of node:https that is to have a connection of its own, through the proxy where there is one for the host. Rejects with the proxy's fault. */
export async function connectionOptions(
  target: HttpsTarget,
  signal: AbortSignal,
): Promise<
  { readonly ca: string | undefined; readonly agent: false } | { readonly createConnection: () => TLSSocket }
> {
  const proxy = target.proxyFor(placeOf(target.url).host);
  if (proxy === undefined) return { ca: target.ca, agent: false };
  const through = await connectThrough(proxy, target, signal);
  return { createConnection: () => through };
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
  return connect({ socket, ca, host, ALPNProtocols: ["http/1.1"], ...(isIP(host) === 0 ? { servername: host } : {}) });
}

function placeOf(url: string): { readonly host: string; readonly port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname.replace(/^\[(.*)\]$/, "$1"), port: port === "" ? HTTPS_PORT : Number(port) };
}
