import { chmodSync, lstatSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { connect } from "node:net";
import { AgentError, errnoOf, messageOf } from "../core/errors.ts";
import { acceptedFormat } from "./accepted-format.ts";
import type { TextFormat } from "./metrics-text.ts";

/** Only this machine is answered. */
const HOST = "127.0.0.1";
/** A request that is not whole, or a client that asks nothing more, is ended after this time, ms. */
const REQUEST_MS = 5000;
/** Longest request line and headers, bytes. */
const MAX_HEADER_BYTES = 8192;
/** Who may connect to the socket: owner and group. */
const SOCKET_MODE = 0o660;

const CONTENT_TYPES: Readonly<Record<TextFormat, string>> = {
  prometheus: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

/** Where it is asked: a Unix socket, or a port of 127.0.0.1 (0: any). */
export type ScrapePlace = { readonly socketFile: string } | { readonly port: number };

/** Requests since start, by what became of them. */
export type ScrapeCounters = { readonly answered: number; readonly refused: number; readonly failed: number };

export type ScrapeParts = {
  readonly place: ScrapePlace;
  readonly maxClients: number;
  /** The text of all metrics. */
  readonly text: (format: TextFormat) => Promise<string>;
};

/** Answers GET and HEAD of /metrics over HTTP, with bounds on clients, time and size of a request. Connections beyond the bound are closed. */
export class ScrapeServer {
  readonly #parts: ScrapeParts;
  readonly #server: Server;
  readonly #counters = { answered: 0, refused: 0, failed: 0 };

  constructor(parts: ScrapeParts) {
    this.#parts = parts;
    const bounds = { requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS, keepAliveTimeout: REQUEST_MS };
    this.#server = createServer(
      { ...bounds, connectionsCheckingInterval: 1000, maxHeaderSize: MAX_HEADER_BYTES },
      (request, response) => void this.#answer(request, response),
    );
    this.#server.maxConnections = parts.maxClients;
    this.#server.on("drop", () => {
      this.#counters.refused += 1;
    });
    this.#server.on("clientError", (_error, socket) => {
      this.#counters.refused += 1;
      socket.destroy();
    });
  }

  counters(): ScrapeCounters {
    return { ...this.#counters };
  }

  /** Resolves with the port, 0 of a socket. A socket file that nobody serves is replaced. Rejects with `config.invalid` where the place cannot be had. */
  async start(): Promise<number> {
    const { place } = this.#parts;
    if ("port" in place) return this.#listen({ host: HOST, port: place.port }, `${HOST}:${place.port}`);
    await clearSocket(place.socketFile);
    const port = await this.#listen({ path: place.socketFile }, place.socketFile);
    chmodSync(place.socketFile, SOCKET_MODE);
    return port;
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  #listen(
    options: { readonly host?: string; readonly port?: number; readonly path?: string },
    what: string,
  ): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const server = this.#server;
    server.once("error", (thrown) => reject(unusable(what, thrown)));
    server.listen(options, () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
    return promise;
  }

  async #answer({ method, url, headers }: IncomingMessage, response: ServerResponse): Promise<void> {
    const refusal = this.#refusalOf(method, url, headers.host);
    if (refusal !== undefined) {
      this.#counters.refused += 1;
      response.writeHead(refusal.status, { "content-type": "text/plain", connection: "close" });
      response.end(`${refusal.what}\n`);
      return;
    }
    const format = acceptedFormat(headers.accept);
    try {
      const text = await this.#parts.text(format);
      response.writeHead(200, { "content-type": CONTENT_TYPES[format], "cache-control": "no-store" });
      response.end(method === "HEAD" ? undefined : text);
      this.#counters.answered += 1;
    } catch {
      // What a scraper sees as a failed scrape; the counter says it, and the status has the fault itself.
      this.#counters.failed += 1;
      response.writeHead(500, { "content-type": "text/plain", connection: "close" });
      response.end("the metrics cannot be read\n");
    }
  }

  /** A page in a browser on this machine can have a name of its own lead to 127.0.0.1, but not take the name of this machine. */
  #refusalOf(method: string | undefined, url: string | undefined, host: string | undefined) {
    if ("port" in this.#parts.place && !/^(127\.0\.0\.1|localhost)(:\d+)?$/i.test(host ?? ""))
      return { status: 403, what: "ask for 127.0.0.1 or localhost" } as const;
    if (method !== "GET" && method !== "HEAD") return { status: 405, what: "only GET" } as const;
    return (url ?? "").split("?")[0] === "/metrics" ? undefined : ({ status: 404, what: "there is /metrics" } as const);
  }
}

function unusable(what: string, cause: unknown): AgentError {
  const remedy = "choose another metrics.scrape.socketFile or port, in a folder that the agent may write to";
  return new AgentError("config.invalid", {
    what: `metrics: cannot listen on ${what}: ${messageOf(cause)}`,
    remedy,
    cause,
  });
}

/** Removes a socket that a dead process left. */
async function clearSocket(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw unusable(path, new Error("there is a file that is no socket"));
  if (await isServed(path)) throw unusable(path, new Error("somebody serves it"));
  rmSync(path, { force: true });
}

function isServed(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    // Any other error than a refusal says nothing of who is there: better leave it.
    socket.once("error", (error) => resolve(errnoOf(error) !== "ECONNREFUSED"));
  });
}
