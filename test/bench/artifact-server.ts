import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { createReadStream, statSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import { basename, join } from "node:path";
import { freePorts } from "./ports.ts";

/** How the server misbehaves for a test. */
export type ArtifactFaults = {
  /** Gives no ETag, so that nothing can be resumed. */
  withoutEtag: boolean;
  /** Answers with this status instead. */
  status: number | undefined;
  /** Bytes of each file to flip, by position. */
  flipAt: readonly number[];
};

/** HTTPS server for artifacts, as S3 with presigned URLs behaves: ranges, ETags, 403 after the expiry. */
export type ArtifactServer = {
  readonly port: number;
  readonly faults: ArtifactFaults;
  /** Requests answered, by status. */
  readonly answered: Readonly<Record<number, number>>;
  /** A URL that expires; `port` is that of a proxy where one is in between. */
  presign(name: string, lifeMs: number, port?: number): string;
  stop(): Promise<void>;
};

/** Serves the files of one folder under https://127.0.0.1:port/NAME. */
export async function startArtifactServer(
  folder: string,
  tls: { readonly certificatePem: string; readonly privateKeyPem: string },
): Promise<ArtifactServer> {
  const secret = randomBytes(32);
  const faults: ArtifactFaults = { withoutEtag: false, status: undefined, flipAt: [] };
  const answered: Record<number, number> = {};
  const server = createServer({ cert: tls.certificatePem, key: tls.privateKeyPem }, (request, response) => {
    answer(request, response, { folder, secret, faults });
    answered[response.statusCode] = (answered[response.statusCode] ?? 0) + 1;
  });
  const port = await freePorts(1);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    port,
    faults,
    answered,
    presign: (name, lifeMs, at = port) => {
      const expires = String(Date.now() + lifeMs);
      return `https://127.0.0.1:${at}/${name}?expires=${expires}&signature=${signatureOf(secret, name, expires)}`;
    },
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

type Serving = { readonly folder: string; readonly secret: Uint8Array; readonly faults: ArtifactFaults };

function answer(request: IncomingMessage, response: ServerResponse, { folder, secret, faults }: Serving): void {
  const url = new URL(request.url ?? "/", "https://127.0.0.1");
  const name = basename(url.pathname);
  if (faults.status !== undefined) return end(response, faults.status);
  if (!isPresigned(url, name, secret)) return end(response, 403);
  const file = join(folder, name);
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats === undefined) return end(response, 404);
  const etag = `"${createHash("sha256").update(`${stats.size} ${stats.mtimeMs} ${stats.ino}`).digest("hex").slice(0, 32)}"`;
  const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? "");
  const isSame = request.headers["if-range"] === undefined || request.headers["if-range"] === etag;
  const from = range !== null && isSame ? Number(range[1]) : 0;
  if (from >= stats.size) return end(response, 416);
  const headers = {
    "accept-ranges": "bytes",
    "content-length": stats.size - from,
    ...(faults.withoutEtag ? {} : { etag }),
    ...(from > 0 ? { "content-range": `bytes ${from}-${stats.size - 1}/${stats.size}` } : {}),
  };
  response.writeHead(from > 0 ? 206 : 200, headers);
  send(file, from, response, faults.flipAt);
}

function send(file: string, from: number, response: ServerResponse, flipAt: readonly number[]): void {
  let at = from;
  const stream = createReadStream(file, { start: from });
  stream.on("data", (chunk: string | Buffer) => {
    const bytes = Buffer.from(chunk);
    for (const position of flipAt) {
      if (position >= at && position < at + bytes.length) bytes[position - at] ^= 1;
    }
    at += bytes.length;
    if (!response.write(bytes)) stream.pause();
  });
  response.on("drain", () => stream.resume());
  stream.on("end", () => response.end());
  response.on("close", () => stream.destroy());
}

function end(response: ServerResponse, status: number): void {
  response.writeHead(status, { "content-length": 0 });
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
