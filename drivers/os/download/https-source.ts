import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { shownUrl } from "../../../agent/core/shown-url.ts";
import type { RangeAnswer } from "../../../agent/ports/update.ts";
import { connectionOptions, type HttpsTarget, tappedConnection } from "../https-connection.ts";
import { BodyTap } from "./body-tap.ts";

/** More of them lead nowhere. */
const MAX_REDIRECTS = 5;
/** The same request, at another place (RFC 9110, 15.4). */
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** What may pass: 408 and 429 ask for another try (RFC 9110, 15.5.9; RFC 6585, 4). */
const TEMPORARY: ReadonlySet<number> = new Set([408, 425, 429]);

/** How a server is asked. */
export type RangeRequest = HttpsTarget & { readonly offset: number };

/**
 * Asks for a file from `offset` on (RFC 9110, 14). No validator goes along: the manifest pins the bytes, so that a server which has
 * none, or another one on each node, can be gone on with all the same.
 *
 * A redirect is followed to https alone, and nothing but the range goes with it. Rejects with the network's error, or a proxy's fault.
 * What is told names the server and the path, never the query: it may hold a signature that lets in whoever reads it.
 */
export async function requestRange(asked: RangeRequest, signal: AbortSignal): Promise<RangeAnswer> {
  let { url } = asked;
  for (let redirects = 0; ; redirects++) {
    const tap = new BodyTap();
    const response = await responseOf({ ...asked, url }, tap, signal);
    const { statusCode: status = 0 } = response;
    if (!REDIRECTS.has(status)) return answerOf({ response, tap }, asked.offset, shownUrl(url));
    response.destroy();
    const target = redirectTarget(response.headers.location, url);
    if (typeof target !== "string") return denied(status, `${shownUrl(url)}: HTTP ${status} ${target.problem}`);
    if (redirects === MAX_REDIRECTS) return denied(status, `${shownUrl(url)}: more than ${MAX_REDIRECTS} redirects`);
    url = target;
  }
}

async function responseOf(asked: RangeRequest, tap: BodyTap, signal: AbortSignal): Promise<IncomingMessage> {
  const { url, offset, idleMs } = asked;
  const headers = { "accept-encoding": "identity", ...(offset > 0 ? { range: `bytes=${offset}-` } : {}) };
  const way = tappedConnection(asked, tap) ?? (await connectionOptions(asked, signal));
  return await new Promise((resolve, reject) => {
    const sent = request(url, { headers, signal, ...way }, resolve);
    sent.setTimeout(idleMs, () => {
      // Nothing can come while reading is paused: that silence is ours.
      if (tap.isPaused) sent.setTimeout(idleMs);
      else sent.destroy(new Error(`nothing came for ${idleMs} ms`));
    });
    // An interim answer (RFC 9110, 15.2): another head follows.
    sent.on("information", () => tap.leave());
    sent.on("error", reject);
    // Of an answer such as 101 nothing else is told.
    sent.on("close", () => reject(new Error("it closed without an answer")));
    sent.end();
  });
}

function redirectTarget(location: string | undefined, from: string): string | { readonly problem: string } {
  if (location === undefined || !URL.canParse(location, from)) return { problem: "without a place to go to" };
  const target = new URL(location, from);
  if (target.protocol !== "https:") return { problem: `to ${target.protocol}//${target.host}, which is not https` };
  target.username = "";
  target.password = "";
  return target.href;
}

/** An answer, and what may take its body. */
type Answered = { readonly response: IncomingMessage; readonly tap: BodyTap };

function answerOf(answered: Answered, asked: number, place: string): RangeAnswer {
  const { response } = answered;
  const { statusCode: status = 0, headers } = response;
  if (status === 200) return bytesOf(answered, { offset: 0, totalBytes: numberOf(headers["content-length"]) });
  const range = contentRangeOf(headers["content-range"]);
  if (status === 206 && range.first === asked) {
    return bytesOf(answered, { offset: asked, totalBytes: range.totalBytes });
  }
  response.destroy();
  // A 206 with several parts, or another one, was not asked for.
  if (status === 206 || status === 416) return { kind: "range-refused", totalBytes: range.totalBytes };
  const detail = `${place}: HTTP ${status}`;
  return status >= 500 || TEMPORARY.has(status) ? { kind: "unavailable", detail } : denied(status, detail);
}

/** What a Content-Range says (RFC 9110, 14.4): the first byte that came, and how many there are; either may be left open. */
function contentRangeOf(text = ""): { readonly first: number | undefined; readonly totalBytes: number | undefined } {
  const [, first, total] = /^bytes (?:(\d+)-\d+|\*)\/(?:(\d+)|\*)$/.exec(text) ?? [];
  return { first: numberOf(first), totalBytes: numberOf(total) };
}

function numberOf(digits: string | undefined): number | undefined {
  return digits === undefined ? undefined : Number(digits);
}

function bytesOf(
  { response, tap }: Answered,
  place: { readonly offset: number; readonly totalBytes: number | undefined },
): RangeAnswer {
  const { etag } = response.headers;
  // A weak ETag does not say that the bytes are the same (RFC 9110, 13.1.5).
  const validator = etag?.startsWith('"') === true ? etag : undefined;
  const body = tap.bodyOf(response, numberOf(response.headers["content-length"])) ?? chunksOf(response);
  return { kind: "bytes", ...place, validator, body, end: () => void response.destroy() };
}

function denied(status: number, detail: string): RangeAnswer {
  return { kind: "denied", status, detail };
}

async function* chunksOf(response: IncomingMessage): AsyncGenerator<Uint8Array> {
  for await (const chunk of response) {
    const bytes: unknown = chunk;
    if (bytes instanceof Uint8Array) yield bytes;
  }
}
