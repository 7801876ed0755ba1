/** Where a tunnel leads, and what lets the agent in. `accessToken` is a secret: in no message, log or argument. */
export type TunnelTarget = {
  readonly host: string;
  readonly port: number;
  readonly accessToken: string;
  /** A UUID, the same for each WebSocket of a tunnel: with it the access token counts again (AWS IoT Secure Tunneling). */
  readonly clientToken: string;
};

/** What happens on a WebSocket. Nothing is called after `onClosed`, which is called once, and not for `close`. */
export type TunnelSocketHandlers = {
  /** Bytes of a binary message; free for the receiver to keep. Not called while paused, but for what had come before. */
  onBytes(bytes: Uint8Array): void;
  /** After `send` gave false: there is room again. */
  onDrain(): void;
  /** `detail` is for people. */
  onClosed(detail: string): void;
};

/** An open WebSocket to the service of tunnels. It is paused at first, so that nothing comes before whoever takes it is there. */
export interface TunnelSocket {
  /** Version of the protocol that the service chose. */
  readonly protocol: 1 | 2 | 3;
  /** As the service calls the connection in its logs; "" where it does not. */
  readonly channelId: string;
  /** Sends a binary message. False: enough waits to be sent, and `onDrain` follows. */
  send(bytes: Uint8Array): boolean;
  /** Reads no more until `resume`. */
  pause(): void;
  resume(): void;
  /** Ends it at once; idempotent. */
  close(): void;
}

/** How an attempt to connect ended. "refused" is for good (HTTP 3xx, 4xx); "failed" may pass. `detail` is for people and holds no token. */
export type TunnelDialOutcome =
  | { readonly kind: "open"; readonly socket: TunnelSocket }
  | { readonly kind: "refused"; readonly status: number; readonly detail: string }
  | { readonly kind: "failed"; readonly detail: string };

/** Connects to the service of tunnels. Never rejects; `signal` ends an attempt, and nothing that is open. */
export type DialTunnel = (
  target: TunnelTarget,
  handlers: TunnelSocketHandlers,
  signal: AbortSignal,
) => Promise<TunnelDialOutcome>;

/** What happens on a connection to a local service. Nothing is called after `onEnded`, which is called once, and not after `end`. */
export type LocalConnectionHandlers = {
  /** Bytes that the service sent; free for the receiver to keep. */
  onBytes(bytes: Uint8Array): void;
  /** After `write` gave false: there is room again. */
  onDrain(): void;
  /** The service has ended the connection, or it never came to be; all its bytes came before. `detail` is for people; "" for an end in order. */
  onEnded(detail: string): void;
};

/** A TCP connection to a service on this machine. */
export interface LocalConnection {
  /** Takes bytes, before it is connected too. False: enough waits, and `onDrain` follows. */
  write(bytes: Uint8Array): boolean;
  /** Reads no more until `resume`. */
  pause(): void;
  resume(): void;
  /** Sends what waits and closes, at the latest after some seconds; idempotent. */
  end(): void;
}

/** Connects to a port of 127.0.0.1. */
export type OpenLocalConnection = (port: number, handlers: LocalConnectionHandlers) => LocalConnection;
