/** Where HTTP is answered on this machine: a Unix socket, or a port of 127.0.0.1 (0: any). */
export type LocalHttpPlace = { readonly socketFile: string } | { readonly port: number };

/** What is asked. Header fields are as they came, absent where they did not. */
export type LocalHttpRequest = {
  readonly method: string;
  /** Without its query. */
  readonly path: string;
  readonly host: string | undefined;
  readonly accept: string | undefined;
};

/**
 * Whether a Host field names this machine. A page of another site reaches a loopback port by a name of its own that resolves to it (DNS
 * rebinding): then Host is that name. The port is not looked at: a tunnel of SSH ends at another one.
 */
export function namesThisMachine(host = ""): boolean {
  return /^(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?$/i.test(host);
}

/** What is said to it. */
export type LocalHttpAnswer = { readonly status: number; readonly contentType: string; readonly body: string };

export type LocalHttpSettings = {
  readonly place: LocalHttpPlace;
  /** Connections at a time; further ones are closed. */
  readonly maxClients: number;
  /** A request that is not whole, an answer that nobody takes, or a client that asks nothing more, is ended after this time. */
  readonly patienceMs: number;
  /** Must not reject. */
  readonly answer: (request: LocalHttpRequest) => Promise<LocalHttpAnswer>;
  /** A connection, or a request that makes no sense, was ended without an answer. */
  readonly onRefused: () => void;
};

/**
 * Answers small requests over HTTP to programs of this machine, nobody else. Time, size and number of requests and the time of an answer that
 * nobody takes are bounded. Whether a request comes from a page in a browser, under another name of this machine, is for `answer` to see.
 */
export type LocalHttp = {
  /** Resolves with the port, 0 of a socket. A socket file that nobody serves is replaced. Rejects with `config.invalid` where the place cannot be had. */
  start(): Promise<number>;
  /** Ends connections too. Idempotent, never rejects. */
  stop(): Promise<void>;
};
