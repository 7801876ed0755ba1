import { HttpClientConnection, HttpHeaders, type HttpProxyOptions, HttpRequest } from "aws-crt/dist/native/http.js";
import {
  type ClientTlsContext,
  SocketDomain,
  SocketOptions,
  SocketType,
  TlsConnectionOptions,
} from "aws-crt/dist/native/io.js";
import type { Clock } from "../../../agent/core/clock.ts";
import { messageOf } from "../../../agent/core/errors.ts";
import { crtErrorName } from "../identity/identity-faults.ts";

/** What is asked for. The request as a whole has `timeoutMs`; an answer that is longer than `maxBytes` fails. */
export type TlsGet = {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly maxBytes: number;
};

/** The way: as whom, through what, and by which time. */
export type TlsWay = {
  readonly context: ClientTlsContext;
  readonly tunnel: HttpProxyOptions | undefined;
  readonly clock: Pick<Clock, "sleep">;
};

/** What came. */
export type TlsAnswer = { readonly status: number; readonly text: string };

/** There was no answer. `errorName` is that of aws-crt, or what happened, for people. */
export class NoAnswer extends Error {
  readonly errorName: string;

  constructor(errorName: string) {
    super(errorName);
    this.errorName = errorName;
  }
}

/**
 * One GET over a connection of its own with the key of the vehicle, which Node's own TLS cannot use where it is in a TPM. Rejects with
 * `NoAnswer`.
 */
export async function getOverTls(
  asked: TlsGet,
  { context, tunnel, clock }: TlsWay,
  signal: AbortSignal,
): Promise<TlsAnswer> {
  const { host, port, timeoutMs } = asked;
  const tls = new TlsConnectionOptions(context, host, ["http/1.1"]);
  const socket = new SocketOptions(SocketType.STREAM, SocketDomain.IPV4, timeoutMs);
  const done = new AbortController();
  const answered = Promise.withResolvers<TlsAnswer>();
  const fail = (errorName: string): void => answered.reject(new NoAnswer(errorName));
  const connection = new HttpClientConnection(undefined, host, port, socket, tls, tunnel);
  let isOpen = false;
  const leave = (): void => {
    done.abort();
    // One that is still on its way is closed once it is there.
    if (isOpen) connection.close();
  };
  connection.on("connect", () => {
    isOpen = true;
    if (done.signal.aborted) connection.close();
    else ask(connection, asked, { answered, fail });
  });
  connection.on("error", (error) => fail(nameOf(error)));
  connection.on("close", () => fail("the connection was closed"));
  void clock.sleep(timeoutMs, done.signal).then(() => fail(`no answer within ${timeoutMs} ms`));
  signal.addEventListener("abort", () => fail("stopped"), { signal: done.signal });
  if (signal.aborted) fail("stopped");
  try {
    return await answered.promise;
  } finally {
    leave();
  }
}

type Answering = {
  readonly answered: PromiseWithResolvers<TlsAnswer>;
  readonly fail: (errorName: string) => void;
};

function ask(connection: HttpClientConnection, { host, path, headers, maxBytes }: TlsGet, answering: Answering): void {
  const { answered, fail } = answering;
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const request = new HttpRequest("GET", path, new HttpHeaders([["host", host], ...Object.entries(headers)]));
  const stream = connection.request(request);
  let status = 0;
  // The library holds all other events back until somebody listens to this one.
  stream.on("response", (code) => {
    status = code;
  });
  stream.on("data", (data) => {
    bytes += data.byteLength;
    if (bytes > maxBytes) fail(`an answer of more than ${maxBytes} bytes`);
    else chunks.push(new Uint8Array(data));
  });
  stream.on("end", () => {
    const text = Buffer.concat(chunks).toString("utf8");
    // Where nothing follows the head of an answer the library may drop that (aws-crt 1.33: its queue is ended before it is empty).
    if (status === 0) fail("an answer without a body");
    else answered.resolve({ status, text });
  });
  stream.on("error", (error) => fail(nameOf(error)));
  stream.activate();
}

function nameOf(error: unknown): string {
  return crtErrorName(error) ?? messageOf(error);
}
