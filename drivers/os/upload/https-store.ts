import { type FileHandle, open } from "node:fs/promises";
import type { ClientRequest, IncomingMessage } from "node:http";
import { request } from "node:https";
import type { Clock } from "../../../agent/core/clock.ts";
import { AgentError, errnoOf, messageOf } from "../../../agent/core/errors.ts";
import type { ProxyRule } from "../../../agent/ports/http-proxy.ts";
import {
  type ObjectStore,
  type RequestBody,
  ShortFile,
  type StoreAnswer,
  type StoreRequest,
} from "../../../agent/ports/object-store.ts";
import { RateLimit } from "../download/rate-limit.ts";
import { connectionOptions } from "../https-connection.ts";
import { answerOf } from "./store-answer.ts";

const CHUNK_BYTES = 65_536;
/** How long a server may take to say that it wants the body (RFC 9110, 10.1.1: not for ever), ms. */
const CONTINUE_MS = 1000;
/** How long it may take until a server has a connection and its certificate is checked, ms. */
const CONNECT_MS = 120_000;
/** How long an answer may take as a whole, ms: the end of an upload in parts may take S3 some minutes, with blanks that show it is at work. */
export const ANSWER_MS = 600_000;

/** Why a wait ends early: an error made for each piece would cost more than the wait. */
const DONE = "done";

/** Bounds of a request. */
export type HttpsStoreSettings = {
  /** At most, bytes/s; undefined for no limit. */
  readonly maxBytesPerSecond: number | undefined;
  /** A connection that is slower over `minRateWindowMs` is cut; also the longest silence. */
  readonly minBytesPerSecond: number;
  readonly minRateWindowMs: number;
};

/** `ca`: root certificates in place of Node's, PEM. */
export type HttpsStoreParts = {
  readonly settings: HttpsStoreSettings;
  readonly ca: string | undefined;
  readonly proxyFor: ProxyRule;
  readonly clock: Clock;
};

/**
 * A store that is spoken to by HTTPS, a connection for each request. A redirect is not followed: it would carry the file to a place that
 * nobody has allowed. The server is asked before the body of a file goes out, so that one that refuses costs no more than its answer.
 */
export function createHttpsStore(parts: HttpsStoreParts): ObjectStore {
  return {
    send: async (asked, onBytes, signal) => {
      try {
        return await send(parts, asked, onBytes, signal);
      } catch (thrown) {
        if (thrown instanceof UnreadableFile) throw thrown.error;
        return { kind: "unavailable", detail: whyOf(thrown) };
      }
    },
  };
}

/** The file cannot be read: no fault of the network. */
class UnreadableFile extends Error {
  readonly error: unknown;

  constructor(error: unknown) {
    super("the file cannot be read");
    this.error = error;
  }
}

async function send(
  parts: HttpsStoreParts,
  asked: StoreRequest,
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
): Promise<StoreAnswer> {
  const { settings, ca, proxyFor } = parts;
  const idleMs = settings.minRateWindowMs;
  const { method, url, body } = asked;
  const way = await connectionOptions({ url, ca, proxyFor, idleMs }, signal);
  const length = body.kind === "file" ? body.bytes : Buffer.byteLength(body.text);
  const expects = body.kind === "file" && length > 0 ? { expect: "100-continue" } : {};
  const headers = { ...asked.headers, ...expects, "content-length": String(length) };
  // A body that fails cuts the request, and no longer than it waits for its answer.
  const cut = new AbortController();
  const sent = request(url, { method, headers, signal: AbortSignal.any([signal, cut.signal]), ...way });
  sent.setTimeout(idleMs, () => sent.destroy(new Error(`nothing happened for ${idleMs} ms`)));
  const answered = responseOf(sent);
  const written = write(parts, { sent, body, answered }, onBytes, signal);
  void Promise.race([answered, written]).then(
    () => endAfter(ANSWER_MS, { sent, clock: parts.clock, done: cut.signal }),
    // Whoever waits for the answer hears of it.
    () => undefined,
  );
  try {
    return await answerOf(await Promise.race([answered, written.then(() => answered)]));
  } finally {
    cut.abort();
    // What became of the rest of the body no longer matters.
    await written.catch(() => undefined);
  }
}

function responseOf(sent: ClientRequest): Promise<IncomingMessage> {
  const answered = Promise.withResolvers<IncomingMessage>();
  sent.on("response", answered.resolve);
  sent.on("error", answered.reject);
  // Of an answer such as 101 nothing else is told.
  sent.on("close", () => answered.reject(new Error("it closed without an answer")));
  // Whoever waits for it hears of it.
  answered.promise.catch(() => undefined);
  return answered.promise;
}

/** The request with its body on its way. */
type Sending = {
  readonly sent: ClientRequest;
  readonly body: RequestBody;
  readonly answered: Promise<IncomingMessage>;
};

async function write(
  { settings, clock }: HttpsStoreParts,
  { sent, body, answered }: Sending,
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  if (body.kind === "text") {
    onBytes(Buffer.byteLength(body.text));
    sent.end(body.text);
    return;
  }
  if (body.bytes > 0 && !(await isWanted(sent, answered, clock))) return;
  const closed = Promise.withResolvers<void>();
  sent.on("close", closed.resolve);
  const limit = new RateLimit(settings, clock);
  limit.begin();
  for await (const chunk of chunksOf(body)) {
    if (sent.destroyed) return;
    onBytes(chunk.length);
    await taken({ settings, clock }, { sent, chunk, closed: closed.promise });
    await limit.passed(chunk.length, signal);
  }
  sent.end();
}

/** Sends a piece until the system has it, or the connection is over: that of a server that talks on and takes nothing is ended. */
async function taken(
  { settings, clock }: Pick<HttpsStoreParts, "settings" | "clock">,
  { sent, chunk, closed }: { readonly sent: ClientRequest; readonly chunk: Uint8Array; readonly closed: Promise<void> },
): Promise<void> {
  const { minBytesPerSecond, minRateWindowMs } = settings;
  const longestMs = minRateWindowMs + (CHUNK_BYTES * 1000) / Math.max(1, minBytesPerSecond);
  const done = new AbortController();
  endAfter(longestMs, { sent, clock, done: done.signal });
  try {
    await Promise.race([new Promise<void>((resolve) => sent.write(chunk, () => resolve())), closed]);
  } finally {
    done.abort(DONE);
  }
}

/** Ends a request after so long, ms, unless `done` aborts before. */
function endAfter(
  ms: number,
  { sent, clock, done }: { readonly sent: ClientRequest; readonly clock: Clock; readonly done: AbortSignal },
): void {
  void clock.sleep(ms, done).then(() => {
    if (!done.aborted) sent.destroy(new Error(`it does not come on for ${Math.round(ms)} ms`));
  });
}

/** Whether the body is to go out: not after an answer that came before it. The time to wait runs from when the server can be heard. */
async function isWanted(sent: ClientRequest, answered: Promise<IncomingMessage>, clock: Clock): Promise<boolean> {
  const done = new AbortController();
  const continued = Promise.withResolvers<true>();
  const waitInVain = (): void => {
    void clock.sleep(CONTINUE_MS, done.signal).then(() => continued.resolve(true));
  };
  sent.on("continue", () => continued.resolve(true));
  sent.on("socket", (socket) => {
    if (socket.connecting) socket.once("secureConnect", waitInVain);
    else waitInVain();
  });
  sent.flushHeaders();
  endAfter(CONNECT_MS, { sent, clock, done: done.signal });
  try {
    return await Promise.race([continued.promise, answered.then(() => false)]);
  } finally {
    done.abort(DONE);
  }
}

/**
 * The part of the file, piece by piece, each valid until the next is asked for: there are two buffers, and one is read into while the
 * other is sent. Throws `UnreadableFile`, also where the file is shorter than it was.
 */
async function* chunksOf({ path, offset, bytes }: Extract<RequestBody, { kind: "file" }>): AsyncGenerator<Uint8Array> {
  try {
    await using file = await open(path);
    let [reading, sending] = [new Uint8Array(CHUNK_BYTES), new Uint8Array(CHUNK_BYTES)];
    let read = readInto(file, reading, offset, bytes);
    for (let left = bytes; left > 0; ) {
      const bytesRead = await read;
      if (bytesRead === 0) throw new ShortFile();
      left -= bytesRead;
      [reading, sending] = [sending, reading];
      read = readInto(file, reading, offset + bytes - left, left);
      // Whoever waits for it hears of it.
      read.catch(() => undefined);
      yield sending.subarray(0, bytesRead);
    }
  } catch (thrown) {
    throw new UnreadableFile(thrown);
  }
}

async function readInto(file: FileHandle, room: Uint8Array, at: number, left: number): Promise<number> {
  const { bytesRead } = await file.read(room, 0, Math.min(room.length, left), at);
  return bytesRead;
}

/** What went wrong with the connection: of a proxy's fault, and of the network, without the URL. */
function whyOf(thrown: unknown): string {
  if (thrown instanceof AgentError) return thrown.message;
  return errnoOf(thrown) ?? messageOf(thrown);
}
