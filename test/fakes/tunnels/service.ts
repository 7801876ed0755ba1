import type {
  DialTunnel,
  LocalConnectionHandlers,
  OpenLocalConnection,
  TunnelDialOutcome,
  TunnelSocketHandlers,
  TunnelTarget,
} from "../../../agent/ports/tunnel.ts";

/** A WebSocket whose other side is the test. */
export type FakeSocket = {
  readonly handlers: TunnelSocketHandlers;
  readonly sent: Uint8Array[];
  isPaused: boolean;
  isClosed: boolean;
  /** What `send` says: false for a socket that is full. */
  takesMore: boolean;
};

/** The service of tunnels, in the hands of the test. */
export class FakeTunnelService {
  /** What each attempt is answered with; "open" when there is no more. */
  readonly answers: Exclude<TunnelDialOutcome, { kind: "open" }>[] = [];
  readonly targets: TunnelTarget[] = [];
  readonly sockets: FakeSocket[] = [];

  readonly dial: DialTunnel = (target, handlers, signal) => {
    this.targets.push(target);
    const answer = this.answers.shift();
    if (answer !== undefined) return Promise.resolve(answer);
    if (signal.aborted) return Promise.resolve({ kind: "failed", detail: "aborted" });
    const socket: FakeSocket = { handlers, sent: [], isPaused: true, isClosed: false, takesMore: true };
    this.sockets.push(socket);
    return Promise.resolve({
      kind: "open",
      socket: {
        protocol: 3,
        channelId: `channel-${this.sockets.length}`,
        send: (bytes) => {
          socket.sent.push(bytes);
          return socket.takesMore;
        },
        pause: () => {
          socket.isPaused = true;
        },
        resume: () => {
          socket.isPaused = false;
        },
        close: () => {
          socket.isClosed = true;
        },
      },
    });
  };
}

/** A connection to a local service that is the test. */
export type FakeLocal = {
  readonly port: number;
  readonly handlers: LocalConnectionHandlers;
  readonly written: Uint8Array[];
  isPaused: boolean;
  hasEnded: boolean;
  takesMore: boolean;
};

/** Local services in the hands of the test; `locals` are the connections in the order of their opening. */
export function fakeLocals(): { readonly locals: FakeLocal[]; readonly openLocal: OpenLocalConnection } {
  const locals: FakeLocal[] = [];
  return {
    locals,
    openLocal: (port, handlers) => {
      const local: FakeLocal = { port, handlers, written: [], isPaused: false, hasEnded: false, takesMore: true };
      locals.push(local);
      return {
        write: (bytes) => {
          local.written.push(bytes);
          return local.takesMore;
        },
        pause: () => {
          local.isPaused = true;
        },
        resume: () => {
          local.isPaused = false;
        },
        end: () => {
          local.hasEnded = true;
        },
      };
    },
  };
}
