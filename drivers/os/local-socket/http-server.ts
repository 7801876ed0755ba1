import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { AgentError, messageOf } from "../../../agent/core/errors.ts";
import type { LocalHttp, LocalHttpPlace, LocalHttpSettings } from "../../../agent/ports/local-http.ts";
import { listenAt } from "./local-server.ts";

/** Only this machine is answered. */
const HOST = "127.0.0.1";
/** Requests of a connection; a client makes another one then. */
const MAX_REQUESTS = 100;
/** Longest request line and headers, bytes. */
const MAX_HEADER_BYTES = 8192;
/** Who may connect to the socket: owner and group. */
const SOCKET_MODE = 0o660;

/** See `LocalHttp`. */
export class LocalHttpServer implements LocalHttp {
  readonly #settings: LocalHttpSettings;
  readonly #server: Server;

  constructor(settings: LocalHttpSettings) {
    this.#settings = settings;
    const { patienceMs, maxClients, onRefused } = settings;
    const bounds = { requestTimeout: patienceMs, headersTimeout: patienceMs, keepAliveTimeout: patienceMs };
    const server = createServer(
      { ...bounds, connectionsCheckingInterval: 1000, maxHeaderSize: MAX_HEADER_BYTES },
      (request, response) => void this.#answer(request, response),
    );
    // Nothing else bounds a client that asks and reads no answer.
    server.timeout = patienceMs;
    server.maxRequestsPerSocket = MAX_REQUESTS;
    server.maxConnections = maxClients;
    server.on("drop", onRefused);
    server.on("clientError", (_error, socket) => {
      onRefused();
      socket.destroy();
    });
    this.#server = server;
  }

  async start(): Promise<number> {
    const { place } = this.#settings;
    try {
      if ("socketFile" in place) await listenAt(this.#server, { path: place.socketFile, mode: SOCKET_MODE });
      else await once(this.#server.listen({ host: HOST, port: place.port }), "listening");
    } catch (thrown) {
      throw unusable(place, thrown);
    }
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer({ method = "", url = "", headers }: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path = ""] = url.split("?");
    const { status, contentType, body } = await this.#settings.answer({
      method,
      path,
      host: headers.host,
      accept: headers.accept,
    });
    const ends = status === 200 ? {} : { connection: "close" };
    response.writeHead(status, { "content-type": contentType, "cache-control": "no-store", ...ends });
    response.end(method === "HEAD" ? undefined : body);
  }
}

function unusable(place: LocalHttpPlace, cause: unknown): AgentError {
  const where = "socketFile" in place ? place.socketFile : `${HOST}:${place.port}`;
  return new AgentError("config.invalid", {
    what: `cannot listen on ${where}: ${messageOf(cause)}`,
    remedy: "choose another port or socket file, in a folder that the agent may write to",
    cause,
  });
}
