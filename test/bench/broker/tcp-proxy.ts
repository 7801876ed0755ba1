import { connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** Where the proxy leads. */
export type ProxyTarget = { readonly host: string; readonly port: number };

const LISTEN_ATTEMPTS = 50;
const LISTEN_RETRY_MS = 100;

type Pair = { readonly near: Socket; far: Socket | undefined };

/**
 * A TCP proxy on 127.0.0.1 that can take the link away: `cut` resets every connection and refuses new ones, `blackhole` keeps them
 * and swallows nothing but lets nothing through, `latency` delays each direction. `restore` ends all of it; the port stays the same.
 */
export class TcpProxy {
  readonly #target: ProxyTarget;
  readonly #pairs = new Set<Pair>();
  #server: Server | undefined;
  #port = 0;
  #delayMs = 0;
  #isBlack = false;
  /** Connections accepted since start. */
  accepted = 0;
  /** Bytes of the streams since start, from the client and to it: what TCP and IP add is not among them. */
  readonly passed = { fromClient: 0, toClient: 0 };

  constructor(target: ProxyTarget) {
    this.#target = target;
  }

  /** Listens, and gives the port. */
  async start(): Promise<number> {
    await this.#listen();
    return this.#port;
  }

  async cut(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    const closed = new Promise<void>((resolve) => {
      if (server === undefined) resolve();
      else server.close(() => resolve());
    });
    for (const pair of this.#pairs) drop(pair);
    this.#pairs.clear();
    await closed;
  }

  async restore(): Promise<void> {
    this.#delayMs = 0;
    this.#isBlack = false;
    for (const pair of this.#pairs) {
      if (pair.far === undefined) this.#join(pair);
      else for (const socket of [pair.near, pair.far]) socket.resume();
    }
    if (this.#server === undefined) await this.#listen();
  }

  blackhole(): void {
    this.#isBlack = true;
    for (const { near, far } of this.#pairs) {
      near.pause();
      far?.pause();
    }
  }

  /** Connections that there are die without a word to the client, as those of a NAT that forgot them do; new ones work. */
  strand(): void {
    for (const { near, far } of this.#pairs) {
      near.removeAllListeners("data").removeAllListeners("drain");
      near.resume();
      far?.removeAllListeners("close");
      far?.removeAllListeners("end");
      far?.destroy();
    }
  }

  /** Delay of each direction, ms; holds for what is sent from now on. */
  latency(ms: number): void {
    this.#delayMs = ms;
  }

  stop(): Promise<void> {
    return this.cut();
  }

  async #listen(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const server = createServer({ pauseOnConnect: true }, (near) => this.#accept(near));
      const error = await listening(server, this.#port);
      if (error === undefined) {
        this.#server = server;
        const address = server.address();
        if (typeof address === "object" && address !== null) this.#port = address.port;
        return;
      }
      // Another process may hold the port for a moment as the source port of a connection.
      if (attempt === LISTEN_ATTEMPTS) throw error;
      await sleep(LISTEN_RETRY_MS);
    }
  }

  #accept(near: Socket): void {
    this.accepted += 1;
    const pair: Pair = { near, far: undefined };
    this.#pairs.add(pair);
    near.once("close", () => this.#end(pair));
    // An error is always followed by "close", which is where it is dealt with.
    near.on("error", () => undefined);
    if (!this.#isBlack) this.#join(pair);
  }

  #join(pair: Pair): void {
    const far = connect(this.#target.port, this.#target.host);
    pair.far = far;
    far.once("close", () => this.#end(pair));
    far.on("error", () => undefined);
    for (const socket of [pair.near, far]) socket.setNoDelay(true);
    this.#forward(pair.near, far, "fromClient");
    this.#forward(far, pair.near, "toClient");
    if (this.#isBlack) far.pause();
    else pair.near.resume();
  }

  #forward(from: Socket, to: Socket, direction: "fromClient" | "toClient"): void {
    let last: Promise<void> | undefined;
    const inOrder = (pass: () => void): void => {
      if (this.#delayMs === 0 && last === undefined) return pass();
      const delay = sleep(this.#delayMs);
      // After the one before it, also when the delay has been shortened since.
      const mine = Promise.all([last, delay]).then(() => {
        pass();
        if (last === mine) last = undefined;
      });
      last = mine;
    };
    from.on("data", (part: Buffer) =>
      inOrder(() => {
        this.passed[direction] += part.length;
        if (!to.destroyed && !to.write(part) && !this.#isBlack) from.pause();
      }),
    );
    from.on("end", () => inOrder(() => to.end()));
    to.on("drain", () => {
      if (!this.#isBlack) from.resume();
    });
  }

  #end(pair: Pair): void {
    pair.near.destroy();
    pair.far?.destroy();
    this.#pairs.delete(pair);
  }
}

function drop({ near, far }: Pair): void {
  near.resetAndDestroy();
  far?.resetAndDestroy();
}

function listening(server: Server, port: number): Promise<Error | undefined> {
  return new Promise((resolve) => {
    server.once("error", resolve);
    server.listen(port, "127.0.0.1", () => resolve(undefined));
  });
}
