import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { z } from "zod";
import type { handler } from "../../../agent/companion/main.ts";

/** An integration has so long (HTTP API quotas), ms. */
const INTEGRATION_MS = 30_000;

/** What a function answers in payload format 2.0. */
const functionResponse = z.object({
  statusCode: z.int(),
  headers: z.record(z.string(), z.string()).default({}),
  cookies: z.array(z.string()).default([]),
  body: z.string().default(""),
  isBase64Encoded: z.boolean().default(false),
});

/** A function of Lambda, as the companion is one. */
export type FunctionHandler = (event: FunctionEvent) => Promise<unknown>;
type FunctionEvent = Parameters<typeof handler>[0];

/**
 * An HTTP API of Amazon API Gateway with one function behind `$default`: events of payload format 2.0, cookies apart, headers that came
 * twice joined by commas, responses handed on whole and not after 30 s.
 */
export async function startHttpApi(port: number, handler: FunctionHandler): Promise<Server> {
  const server = createServer((request, response) => {
    void relay(handler, request, response).catch(() => {
      response.writeHead(500, { "content-type": "application/json" }).end('{"message":"Internal Server Error"}');
    });
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return server;
}

async function relay(handler: FunctionHandler, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const event = eventOf(request, await buffer(request));
  let timer: NodeJS.Timeout | undefined;
  const cut = new Promise<"cut">((resolve) => {
    timer = setTimeout(resolve, INTEGRATION_MS, "cut");
  });
  const answer = await Promise.race([handler(event), cut]).finally(() => clearTimeout(timer));
  if (answer === "cut") {
    response.writeHead(503, { "content-type": "application/json" }).end('{"message":"Service Unavailable"}');
    return;
  }
  const { statusCode, headers, cookies, body, isBase64Encoded } = functionResponse.parse(answer);
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (cookies.length > 0) response.setHeader("set-cookie", cookies);
  response.writeHead(statusCode).end(isBase64Encoded ? Buffer.from(body, "base64") : body);
}

function eventOf(request: IncomingMessage, body: Buffer): FunctionEvent {
  const { pathname, search, searchParams } = new URL(request.url ?? "/", "http://api");
  const { cookie, ...given } = request.headers;
  const headers = Object.fromEntries(Object.entries(given).map(([name, value]) => [name, String(value)]));
  const method = request.method ?? "GET";
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath: decodeURI(pathname),
    rawQueryString: search.slice(1),
    ...(cookie === undefined ? {} : { cookies: cookie.split("; ") }),
    headers,
    queryStringParameters: Object.fromEntries(searchParams),
    requestContext: {
      accountId: "123456789012",
      apiId: "bench",
      authentication: null,
      authorizer: {},
      domainName: String(request.headers.host),
      domainPrefix: "bench",
      http: {
        method,
        path: pathname,
        protocol: "HTTP/1.1",
        sourceIp: "127.0.0.1",
        userAgent: String(given["user-agent"]),
      },
      requestId: "bench",
      routeKey: "$default",
      stage: "$default",
      time: "",
      timeEpoch: 0,
    },
    body: body.length === 0 ? null : body.toString("base64"),
    isBase64Encoded: body.length > 0,
  };
}
