import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { createReadStream, statSync } from "node:fs";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import { basename, join } from "node:path";
import { freePorts } from "../core/ports.ts";

/** How the server misbehaves for a test. */
export type ArtifactFaults = {
  /** The name it gives a version (RFC 9110, 8.8.3); "of-node": another one at each request, as from nodes that do not agree. */
  etag: "strong" | "weak" | "none" | "of-node";
  /** What becomes of a range: "ignored": the whole comes; "multipart": as if several had been asked for; "refused": 416. */
  ranges: "honoured" | "ignored" | "multipart" | "refused";
  /** Does not say how long the file is. */
  chunked: boolean;
  /** Says first that it is at work (102, RFC 2518). */
  interim: boolean;
  /** Answers with this status instead, and this place to go to. */
  status: number | undefined;
  location: string | undefined;
  /** Cuts each connection after so many bytes of a file. */
  cutAfterBytes: number | undefined;
  /** Bytes of each file to flip, by position. */
  flipAt: readonly number[];
};

/** HTTPS server for artifacts, as S3 with presigned URLs behaves: ranges, ETags, 403 after the expiry. */
export type ArtifactServer = {
  readonly port: number;
  readonly faults: ArtifactFaults;
  /** Requests answered, by status. */
  readonly answered: Readonly<Record<number, number>>;
  /** The headers of the last request. */
  readonly lastHeaders: () => IncomingHttpHeaders;
  /** A URL that expires; `port` is that of a proxy where one is in between. */
  presign(name: string, lifeMs: number, port?: number): string;
  stop(): Promise<void>;
};

/** Serves the files of one folder under https://127.0.0.1:port/NAME, or that of another address of this machine. */
export async function startArtifactServer(
  folder: string,
  tls: { readonly certificatePem: string; readonly privateKeyPem: string },
  address = "127.0.0.1",
): Promise<ArtifactServer> {
  const secret = randomBytes(32);
  const faults: ArtifactFaults = {
    etag: "strong",
    ranges: "honoured",
    chunked: false,
    interim: false,
    status: undefined,
    location: undefined,
    cutAfterBytes: undefined,
    flipAt: [],
  };
  const answered: Record<number, number> = {};
  let lastHeaders: IncomingHttpHeaders = {};
  const server = createServer({ cert: tls.certificatePem, key: tls.privateKeyPem }, (request, response) => {
    lastHeaders = request.headers;
    answer(request, response, { folder, secret, faults });
    answered[response.statusCode] = (answered[response.statusCode] ?? 0) + 1;
  });
  const port = await freePorts(1);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, address, resolve);
  });
  return {
    port,
    faults,
    answered,
    lastHeaders: () => lastHeaders,
    presign: (name, lifeMs, at = port) => {
      const expires = String(Date.now() + lifeMs);
      return `https://${address.includes(":") ? `[${address}]` : address}:${at}/${name}?expires=${expires}&signature=${signatureOf(secret, name, expires)}`;
    },
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

type Serving = {
  readonly folder: string;
  readonly secret: Uint8Array;
  readonly faults: ArtifactFaults;
};

function answer(request: IncomingMessage, response: ServerResponse, { folder, secret, faults }: Serving): void {
  const url = new URL(request.url ?? "/", "https://127.0.0.1");
  const name = basename(url.pathname);
  if (faults.status !== undefined) return end(response, faults.status, faults.location);
  if (!isPresigned(url, name, secret)) return end(response, 403);
  const file = join(folder, name);
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats === undefined) return end(response, 404);
  const etag = etagOf(faults.etag, `${stats.size} ${stats.mtimeMs} ${stats.ino}`);
  const from = rangeStart(request, faults.ranges, etag);
  if (from >= stats.size || (from > 0 && faults.ranges === "refused")) return end(response, 416);
  if (faults.interim) response.writeProcessing();
  const isMultipart = from > 0 && faults.ranges === "multipart";
  const range = `bytes ${from}-${stats.size - 1}/${stats.size}`;
  response.writeHead(from > 0 ? 206 : 200, {
    "accept-ranges": "bytes",
    ...(faults.chunked || isMultipart ? {} : { "content-length": stats.size - from }),
    ...(etag === undefined ? {} : { etag }),
    ...(isMultipart ? { "content-type": "multipart/byteranges; boundary=part" } : {}),
    ...(from > 0 && !isMultipart ? { "content-range": range } : {}),
  });
  if (isMultipart) response.write(`--part\r\ncontent-range: ${range}\r\n\r\n`);
  send(file, from, response, faults);
}

function etagOf(kind: ArtifactFaults["etag"], version: string): string | undefined {
  const name = createHash("sha256").update(version).digest("hex").slice(0, 32);
  switch (kind) {
    case "none":
      return undefined;
    case "weak":
      return `W/"${name}"`;
    case "strong":
      return `"${name}"`;
    case "of-node":
      return `"${randomBytes(8).toString("hex")}"`;
  }
}

function rangeStart({ headers }: IncomingMessage, ranges: ArtifactFaults["ranges"], etag: string | undefined): number {
  const range = /^bytes=(\d+)-$/.exec(headers.range ?? "");
  const isSame = headers["if-range"] === undefined || headers["if-range"] === etag;
  return range !== null && isSame && ranges !== "ignored" ? Number(range[1]) : 0;
}

function send(
  file: string,
  from: number,
  response: ServerResponse,
  { flipAt, cutAfterBytes = Number.POSITIVE_INFINITY }: ArtifactFaults,
): void {
  let at = from;
  const stream = createReadStream(file, { start: from });
  stream.on("data", (chunk: string | Buffer) => {
    const bytes = Buffer.from(chunk);
    for (const position of flipAt) {
      if (position >= at && position < at + bytes.length) bytes[position - at] ^= 1;
    }
    at += bytes.length;
    if (!response.write(bytes)) stream.pause();
    if (at - from >= cutAfterBytes) response.destroy();
  });
  response.on("drain", () => stream.resume());
  stream.on("end", () => response.end());
  response.on("close", () => stream.destroy());
}

function end(response: ServerResponse, status: number, location?: string): void {
  response.writeHead(status, { "content-length": 0, ...(location === undefined ? {} : { location }) });
  response.end();
}

function isPresigned(url: URL, name: string, secret: Uint8Array): boolean {
  const expires = url.searchParams.get("expires") ?? "";
  const given = Buffer.from(url.searchParams.get("signature") ?? "");
  const right = Buffer.from(signatureOf(secret, name, expires));
  return given.length === right.length && timingSafeEqual(given, right) && Number(expires) > Date.now();
}

function signatureOf(secret: Uint8Array, name: string, expires: string): string {
  return createHmac("sha256", secret).update(`${name}\n${expires}`).digest("hex");
}
