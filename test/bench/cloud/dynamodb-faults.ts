import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { seededRandom } from "../core/seeded-random.ts";

/**
 * What may become of a request to DynamoDB. "throttled" and "failed" are answers of the service that nothing was done; "cut" ends the
 * connection before the request is passed on, "lost" after it was done.
 */
const FAULTS = ["throttled", "failed", "cut", "lost"] as const;
type Fault = (typeof FAULTS)[number];

/** An HTTP proxy in front of DynamoDB that does not do what it is asked at moments that a seed says. */
export type DynamoDbFaults = {
  readonly endpoint: string;
  /** Share of the requests that something happens to, 0..1; may be changed. */
  share: number;
  /** When set, asked for each request beside the share. */
  wanted: ((operation: string, body: string) => Fault | undefined) | undefined;
  /** How often each happened. */
  readonly counts: Readonly<Record<Fault, number>>;
  stop(): Promise<void>;
};

/** As the service says it (API reference, "Common errors"; developer guide, "Error handling"). */
const ANSWERS = {
  throttled: { status: 400, type: "ProvisionedThroughputExceededException" },
  failed: { status: 500, type: "InternalServerError" },
} as const;

/** Starts it in front of `target`; `seed` says what happens to which request. */
export async function startDynamoDbFaults(target: string, seed: number, share: number): Promise<DynamoDbFaults> {
  const random = seededRandom(seed);
  const counts: Record<Fault, number> = { throttled: 0, failed: 0, cut: 0, lost: 0 };
  const proxy: { share: number; wanted: DynamoDbFaults["wanted"] } = { share, wanted: undefined };
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      const body = Buffer.concat(chunks);
      const operation = String(incoming.headers["x-amz-target"] ?? "").replace(/^.*\./, "");
      const chosen = random() < proxy.share ? FAULTS[Math.floor(random() * FAULTS.length)] : undefined;
      const fault = proxy.wanted?.(operation, body.toString()) ?? chosen;
      if (fault !== undefined) counts[fault] += 1;
      treat(fault, { target, incoming, response, body });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("the proxy has no port");
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return Object.assign(proxy, { endpoint: `http://127.0.0.1:${address.port}`, counts, stop });
}

type Exchange = {
  readonly target: string;
  readonly incoming: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: Buffer;
};

function treat(fault: Fault | undefined, exchange: Exchange): void {
  const { response } = exchange;
  switch (fault) {
    case "cut":
      response.destroy();
      break;
    case "throttled":
    case "failed": {
      const { status, type } = ANSWERS[fault];
      response.writeHead(status, { "content-type": "application/x-amz-json-1.0" });
      response.end(
        JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${type}`, message: "as the bench wants" }),
      );
      break;
    }
    default:
      passOn(exchange, fault === "lost");
  }
}

function passOn({ target, incoming, response, body }: Exchange, isLost: boolean): void {
  const { host: _, ...headers } = incoming.headers;
  const asked = request(target, { method: incoming.method ?? "POST", headers, path: incoming.url }, (answer) => {
    if (isLost) {
      answer.resume();
      answer.on("end", () => response.destroy());
      return;
    }
    response.writeHead(answer.statusCode ?? 500, answer.headers);
    answer.pipe(response);
  });
  asked.on("error", () => response.destroy());
  asked.end(body);
}
