import { createHash, randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import { freePorts } from "../core/ports.ts";
import { MultipartUploads, type StoreReply } from "./multipart-uploads.ts";
import { presignedQuery, type SignedRequest, type SigningCredentials } from "./presigned-urls.ts";
import { denialOf, hasSignedHeaders, type Session } from "./signed-headers.ts";

/** Parts but the last have at least so many bytes in S3. */
const MIN_PART_BYTES = 5_242_880;

/** How the store misbehaves for a test. */
export type StoreFaults = {
  /** What the next requests are answered with, in order, instead of being looked at. */
  answers: { readonly status: number; readonly code: string }[];
  /** Ends the connection of the next request after so many bytes of its body. */
  cutAfterBytes: number | undefined;
  /** The next end of an upload in parts comes as an error with status 200. */
  errorAfter200: boolean;
};

/** What a presigned URL is for. */
export type PresignOrder = {
  readonly method?: string;
  readonly key: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly lifeSeconds?: number;
  /** Of a proxy where one is in between; the store takes it for its own. */
  readonly port?: number;
};

/**
 * An object store as S3 is one, with what uploads need: PUT of objects and parts, uploads in parts from beginning to end, and the errors of
 * each. Signatures, in URLs and in headers, are checked by AWS's own code (`presignedQuery`, `denialOf`). Objects are in memory.
 */
export class ObjectStore {
  readonly faults: StoreFaults = { answers: [], cutAfterBytes: undefined, errorAfter200: false };
  readonly objects = new Map<string, Buffer>();
  /** Requests by "METHOD status". */
  readonly answered: Record<string, number> = {};
  /** Bytes of bodies that came, repeats counted. */
  receivedBytes = 0;
  readonly port: number;
  readonly credentials: SigningCredentials = {
    accessKeyId: `ASIA${randomBytes(8).toString("hex").toUpperCase()}`,
    secretAccessKey: randomBytes(30).toString("base64"),
    sessionToken: randomBytes(96).toString("base64"),
  };
  /** Those who may sign headers, as a credentials provider has let them. */
  readonly sessions: Session[] = [];
  readonly uploads: MultipartUploads;
  readonly region = "eu-central-1";
  /** ms since the Unix epoch. */
  now = (): number => Date.now();
  #server: Server | undefined;

  private constructor(port: number, minPartBytes: number) {
    this.port = port;
    this.uploads = new MultipartUploads(minPartBytes);
  }

  /** `minPartBytes` below that of S3 keeps tests small. */
  static async start(
    tls: { readonly certificatePem: string; readonly privateKeyPem: string },
    minPartBytes = MIN_PART_BYTES,
  ): Promise<ObjectStore> {
    const port = await freePorts(1);
    const store = new ObjectStore(port, minPartBytes);
    const server = createServer({ cert: tls.certificatePem, key: tls.privateKeyPem });
    server.on("checkContinue", (request, response) => void store.#take(request, response, true));
    server.on("request", (request, response) => void store.#take(request, response, false));
    store.#server = server;
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    return store;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    server?.closeAllConnections();
    await new Promise<void>((resolve) => (server === undefined ? resolve() : server.close(() => resolve())));
  }

  /** A presigned URL, of which the clock of the store says when its time begins. */
  async presign({
    method = "PUT",
    key,
    query = {},
    headers = {},
    lifeSeconds = 900,
    port,
  }: PresignOrder): Promise<string> {
    const host = `127.0.0.1:${port ?? this.port}`;
    const signed: SignedRequest = { method, host, path: `/bucket/${key}`, query, headers };
    const at = new Date(this.now());
    const full = await presignedQuery(this.credentials, signed, { at, lifeSeconds });
    return `https://${host}${signed.path}?${new URLSearchParams(full).toString().replaceAll("+", "%20")}`;
  }

  /** CreateMultipartUpload, by whoever presigns its URLs. */
  createUpload(key: string): string {
    return this.uploads.create(key, false);
  }

  /** AbortMultipartUpload, or a rule of the bucket. */
  abortUpload(id: string): void {
    this.uploads.abort(id);
  }

  async #take(request: IncomingMessage, response: ServerResponse, waits: boolean): Promise<void> {
    // A cut connection is what some tests are about.
    request.on("error", () => undefined);
    response.on("error", () => undefined);
    const early = this.#faulty() ?? (await this.#denied(request));
    if (early !== undefined) return this.#answer(request, response, early);
    if (waits) response.writeContinue();
    const body = await this.#bodyOf(request);
    if (body !== undefined) this.#answer(request, response, this.#act(request, body));
  }

  #faulty(): StoreReply | undefined {
    const next = this.faults.answers.shift();
    return next === undefined ? undefined : { ...next, message: "as the test wants it" };
  }

  /** Undefined for a request with a good signature whose time runs. */
  async #denied(request: IncomingMessage): Promise<StoreReply | undefined> {
    if (hasSignedHeaders(request)) return await this.#deniedSession(request);
    const { path, query } = targetOf(request);
    const { "X-Amz-Signature": signature, "X-Amz-Date": date = "", "X-Amz-Expires": expires = "" } = query;
    const signedAt = new Date(date.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, "$1-$2-$3T$4:$5:$6Z"));
    const denied = { status: 403, code: "AccessDenied" } as const;
    if (signature === undefined || Number.isNaN(signedAt.getTime())) return { ...denied, message: "Access Denied" };
    const lifeSeconds = Number(expires);
    if (this.now() > signedAt.getTime() + lifeSeconds * 1000) {
      return { ...denied, message: "Request has expired" };
    }
    const names = (query["X-Amz-SignedHeaders"] ?? "").split(";").filter((name) => name !== "host");
    const headers = Object.fromEntries(names.map((name) => [name, String(request.headers[name])]));
    const rest = Object.fromEntries(Object.entries(query).filter(([name]) => !name.startsWith("X-Amz-")));
    const signed = { method: request.method ?? "", host: request.headers.host ?? "", path, query: rest, headers };
    const expected = await presignedQuery(this.credentials, signed, { at: signedAt, lifeSeconds });
    if (expected["X-Amz-Signature"] === signature) return undefined;
    return { status: 403, code: "SignatureDoesNotMatch", message: `StringToSign of ${query["X-Amz-Credential"]}` };
  }

  async #deniedSession(request: IncomingMessage): Promise<StoreReply | undefined> {
    const denial = await denialOf(request, this.sessions, { region: this.region, nowMs: this.now() });
    if (denial !== undefined) return denial;
    const by = this.sessions.find(({ credentials }) =>
      request.headers.authorization?.includes(credentials.accessKeyId),
    );
    if (by !== undefined && keyOf(targetOf(request).path).startsWith(by.keyPrefix)) return undefined;
    return { status: 403, code: "AccessDenied", message: "Access Denied" };
  }

  /** Undefined where the connection has ended before the body. */
  async #bodyOf(request: IncomingMessage): Promise<Buffer | undefined> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const { cutAfterBytes } = this.faults;
    try {
      for await (const chunk of request) {
        if (!Buffer.isBuffer(chunk)) continue;
        chunks.push(chunk);
        bytes += chunk.length;
        this.receivedBytes += chunk.length;
        if (cutAfterBytes === undefined || bytes < cutAfterBytes) continue;
        this.faults.cutAfterBytes = undefined;
        request.destroy();
        return undefined;
      }
    } catch {
      return undefined;
    }
    return Buffer.concat(chunks);
  }

  #act(request: IncomingMessage, body: Buffer): StoreReply {
    const { path, query } = targetOf(request);
    const key = keyOf(path);
    const { uploadId, partNumber } = query;
    const told = request.headers["x-amz-checksum-sha256"]?.toString();
    const hash = createHash("sha256").update(body);
    if (told !== undefined && told !== hash.copy().digest("base64")) {
      return { status: 400, code: "BadDigest", message: "The SHA256 you specified did not match" };
    }
    const signedHash = request.headers["x-amz-content-sha256"] ?? "UNSIGNED-PAYLOAD";
    if (signedHash !== "UNSIGNED-PAYLOAD" && signedHash !== hash.digest("hex")) {
      return { status: 400, code: "XAmzContentSHA256Mismatch" };
    }
    if (request.method === "POST" && query.uploads !== undefined) {
      const id = this.uploads.create(key, request.headers["x-amz-checksum-algorithm"] === "SHA256");
      const named = `<Bucket>bucket</Bucket><Key>${key}</Key><UploadId>${id}</UploadId>`;
      return { status: 200, text: `<InitiateMultipartUploadResult>${named}</InitiateMultipartUploadResult>` };
    }
    if (uploadId === undefined) {
      this.objects.set(key, body);
      return { status: 200, etag: `"${createHash("md5").update(body).digest("hex")}"` };
    }
    if (request.method === "POST") return this.#complete(uploadId, key, body.toString());
    if (request.method === "DELETE") return this.uploads.abort(uploadId);
    if (request.method === "PUT") return this.uploads.put(uploadId, key, Number(partNumber), body, told);
    return this.uploads.list(
      uploadId,
      key,
      Number(query["part-number-marker"] ?? 0),
      Number(query["max-parts"] ?? 1000),
    );
  }

  #complete(id: string, key: string, text: string): StoreReply {
    if (this.faults.errorAfter200) {
      this.faults.errorAfter200 = false;
      return { status: 200, code: "InternalError" };
    }
    const { object, ...reply } = this.uploads.complete(id, key, text);
    if (object !== undefined) this.objects.set(key, object);
    return reply;
  }

  #answer(
    request: IncomingMessage,
    response: ServerResponse,
    { status, code, message = "", etag, text }: StoreReply,
  ): void {
    const name = `${request.method} ${status}${code === undefined ? "" : ` ${code}`}`;
    this.answered[name] = (this.answered[name] ?? 0) + 1;
    const error = `<Error><Code>${code}</Code><Message>${message}</Message><RequestId>bench</RequestId></Error>`;
    const head = `<?xml version="1.0" encoding="UTF-8"?>\n`;
    response.writeHead(status, { ...(etag === undefined ? {} : { etag }), connection: "close" });
    response.end(code === undefined ? (text === undefined ? "" : `${head}${text}`) : `${head}${error}`);
  }
}

function targetOf(request: IncomingMessage): { readonly path: string; readonly query: Record<string, string> } {
  const url = new URL(request.url ?? "/", "https://bench");
  return { path: url.pathname, query: Object.fromEntries(url.searchParams) };
}

/** The key of an object, as it was before it was escaped. */
function keyOf(path: string): string {
  return decodeURIComponent(path.replace("/bucket/", ""));
}
