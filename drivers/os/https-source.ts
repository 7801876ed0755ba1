import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import type { RangeAnswer } from "../../agent/update-ports.ts";

/** How a server is asked. */
export type RangeRequest = {
  readonly url: string;
  readonly offset: number;
  readonly validator: string | undefined;
  /** Root certificates, PEM, in place of those that Node brings. */
  readonly ca: string | undefined;
  /** Longest silence, ms. */
  readonly idleMs: number;
};

/**
 * Asks for a file from `offset` on (RFC 9110, 14: Range with If-Range, so that a changed file comes whole). Rejects with the
 * network's error. Redirects are not followed: a URL with a signature fits one host only.
 */
export function requestRange(asked: RangeRequest, signal: AbortSignal): Promise<RangeAnswer> {
  const { url, offset, validator, ca, idleMs } = asked;
  const isResuming = offset > 0 && validator !== undefined;
  const headers = {
    "accept-encoding": "identity",
    ...(isResuming ? { range: `bytes=${offset}-`, "if-range": validator } : {}),
  };
  return new Promise((resolve, reject) => {
    const sent = request(url, { headers, ca, signal, agent: false }, (response) => resolve(answerOf(response, offset)));
    sent.setTimeout(idleMs, () => sent.destroy(new Error(`nothing came for ${idleMs} ms`)));
    sent.on("error", reject);
    sent.end();
  });
}

function answerOf(response: IncomingMessage, asked: number): RangeAnswer {
  const { statusCode: status = 0 } = response;
  if (status === 200 || status === 206) return bytesOf(response, status, asked);
  response.resume();
  if (status === 416) return { kind: "range-refused" };
  const isTemporary = status >= 500 || status === 408 || status === 429;
  return { kind: isTemporary ? "unavailable" : "denied", detail: `HTTP ${status}` };
}

function bytesOf(response: IncomingMessage, status: number, asked: number): RangeAnswer {
  const { headers } = response;
  const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers["content-range"] ?? "");
  const end = (): void => void response.destroy();
  // A weak ETag does not say that the bytes are the same (RFC 9110, 13.1.5).
  const validator = headers.etag?.startsWith('"') === true ? headers.etag : undefined;
  const shared = { kind: "bytes", validator, body: chunksOf(response), end } as const;
  if (status === 200) {
    const length = headers["content-length"];
    return { ...shared, offset: 0, totalBytes: length === undefined ? undefined : Number(length) };
  }
  if (range === null || Number(range[1]) !== asked) {
    end();
    return { kind: "range-refused" };
  }
  return { ...shared, offset: asked, totalBytes: Number(range[2]) };
}

async function* chunksOf(response: IncomingMessage): AsyncGenerator<Uint8Array> {
  for await (const chunk of response) {
    const bytes: unknown = chunk;
    if (bytes instanceof Uint8Array) yield bytes;
  }
}
