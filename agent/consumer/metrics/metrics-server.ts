import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { AgentError, messageOf } from "../../core/errors.ts";

/** What is asked for over HTTP: nothing of it is a secret, and nothing can be changed. */
export type MetricsServerParts = {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly metrics: () => string;
  /** Undefined while the worker does what it is for; otherwise why not. */
  readonly problem: () => string | undefined;
};

/** Requests that take longer are ended, ms. */
const REQUEST_MS = 5000;
const MAX_CONNECTIONS = 16;

/**
 * Serves GET /metrics (Prometheus) and GET /healthz (200 "ok", or 503 with what is wrong) until it is closed. Resolves with the port. Rejects with
 * `config.invalid` where the port cannot be had.
 */
export async function startMetricsServer(
  parts: MetricsServerParts,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const server = createServer({ requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS }, (request, response) =>
    answer(parts, request, response),
  );
  server.maxConnections = MAX_CONNECTIONS;
  const port = await listening(server, parts);
  return {
    port,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function answer(
  { metrics, problem }: MetricsServerParts,
  { method, url }: IncomingMessage,
  response: ServerResponse,
): void {
  const say = (status: number, type: string, text: string): void => {
    response.writeHead(status, { "content-type": type, "cache-control": "no-store" });
    response.end(method === "HEAD" ? undefined : text);
  };
  if (method !== "GET" && method !== "HEAD") return say(405, "text/plain", "only GET\n");
  const [path] = (url ?? "").split("?");
  if (path === "/metrics") return say(200, "text/plain; version=0.0.4; charset=utf-8", metrics());
  if (path !== "/healthz") return say(404, "text/plain", "there are /metrics and /healthz\n");
  const what = problem();
  return say(what === undefined ? 200 : 503, "text/plain; charset=utf-8", `${what ?? "ok"}\n`);
}

function listening(server: Server, { host, port }: MetricsServerParts): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (thrown) => {
      const what = `metrics: cannot listen on ${host}:${port}: ${messageOf(thrown)}`;
      const remedy = "set metrics.port in the settings to a free port, or 0 for any";
      reject(new AgentError("config.invalid", { what, remedy, cause: thrown }));
    });
    server.listen(port, host, () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}
