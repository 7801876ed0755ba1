import type { Duplex } from "node:stream";

/** Who asks a proxy (Basic authentication, RFC 7617). A secret: in no message, log or argument. */
export type ProxyCredentials = { readonly user: string; readonly password: string };

/** Where a tunnel leads. `host` is a name, which the proxy resolves, or an address without brackets. */
export type TunnelTarget = { readonly host: string; readonly port: number };

/** An HTTP proxy that connections are tunnelled through (CONNECT, RFC 9110, 9.3.6). It sees where they lead, and TLS hides all else from it. */
export interface HttpProxy {
  readonly host: string;
  readonly port: number;
  /** As they are at this moment; undefined where there are none. Throws `proxy.credentials-missing` or `proxy.credentials-exposed`. */
  credentials(): ProxyCredentials | undefined;
  /**
   * A connection to there, within `timeoutMs`. Rejects with `proxy.unreachable`, `proxy.refused`, `proxy.authentication-wanted`,
   * `proxy.bad-gateway` when the way ends behind the proxy, or what `credentials` throws; also when `signal` aborts.
   */
  tunnel(target: TunnelTarget, timeoutMs: number, signal?: AbortSignal): Promise<Duplex>;
  /** Whether there would be a tunnel: opens one and ends it. Rejects as `tunnel` does. */
  check(target: TunnelTarget, timeoutMs: number, signal?: AbortSignal): Promise<void>;
}

/** The proxy by which a host is reached; undefined where that is without one. */
export type ProxyRule = (host: string) => HttpProxy | undefined;
