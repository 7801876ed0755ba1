import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import { TLSSocket } from "node:tls";
import { freePorts } from "../core/ports.ts";
import type { SigningCredentials } from "./presigned-urls.ts";

/** What the next requests are answered with, in order, instead of being looked at. `text` as it is; `never`: no answer at all. */
export type ProviderFault = { readonly status: number; readonly text: string } | "never" | "cut";

/** A role alias, and whether its role can be assumed. */
export type RoleAlias = { readonly durationSeconds: number; readonly isAssumable: boolean };

/** What the provider is started with. `crlFile` is read anew for each connection. */
export type ProviderParts = {
  readonly tls: { readonly certificatePem: string; readonly privateKeyPem: string };
  readonly caFile: string;
  readonly crlFile: string;
  /** Told of what is given out. */
  readonly onIssued: (credentials: Required<SigningCredentials>, expiresAtMs: number) => void;
};

/**
 * The credentials provider of AWS IoT Core, over mutual TLS. A thing is attached to the certificates whose common name it is. Statuses and
 * texts of errors are those that the notes of AWS's session helper list (aws-iot-core-credential-provider-session-helper, dev_notes).
 */
export class CredentialsProviderBench {
  readonly faults: ProviderFault[] = [];
  readonly aliases = new Map<string, RoleAlias>();
  /** Things whose policy has no iot:AssumeRoleWithCertificate. */
  readonly denied = new Set<string>();
  readonly answered: string[] = [];
  readonly port: number;
  /** ms since the Unix epoch. */
  now = (): number => Date.now();
  readonly #parts: ProviderParts;
  #server: Server | undefined;

  private constructor(port: number, parts: ProviderParts) {
    this.port = port;
    this.#parts = parts;
  }

  static async start(parts: ProviderParts): Promise<CredentialsProviderBench> {
    const bench = new CredentialsProviderBench(await freePorts(1), parts);
    const server = createServer({ ...bench.#context(), requestCert: true, rejectUnauthorized: false });
    // A client may go in the middle of a handshake.
    server.on("tlsClientError", () => undefined);
    server.on("request", (request, response) => bench.#take(request, response));
    bench.#server = server;
    await new Promise<void>((resolve) => server.listen(bench.port, "127.0.0.1", resolve));
    return bench;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    server?.closeAllConnections();
    await new Promise<void>((resolve) => (server === undefined ? resolve() : server.close(() => resolve())));
  }

  /** Connections from now on go by the revocation list as it is. */
  readRevocations(): void {
    this.#server?.setSecureContext(this.#context());
  }

  #context() {
    const { tls, caFile, crlFile } = this.#parts;
    return { cert: tls.certificatePem, key: tls.privateKeyPem, ca: readFileSync(caFile), crl: readFileSync(crlFile) };
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    const fault = this.faults.shift();
    if (fault === "never") return;
    if (fault === "cut") return void request.socket.destroy();
    const { status, text } = fault ?? this.#answerTo(request);
    this.answered.push(`${request.method} ${request.url} ${status}`);
    response.writeHead(status, { "content-type": "application/json" });
    response.end(text);
  }

  #answerTo(request: IncomingMessage): { readonly status: number; readonly text: string } {
    const { socket, headers, url = "" } = request;
    if (!(socket instanceof TLSSocket) || !socket.authorized) return problem(403, "Access Denied");
    const thing = headers["x-amzn-iot-thingname"];
    if (typeof thing !== "string" || socket.getPeerCertificate().subject.CN !== thing) {
      return problem(403, "Invalid thing name passed");
    }
    if (this.denied.has(thing)) return problem(403, "Access Denied");
    const name = /^\/role-aliases\/([\w=,@-]{1,128})\/credentials$/.exec(url)?.[1];
    if (name === undefined || request.method !== "GET") return problem(404, "Not Found");
    const alias = this.aliases.get(name);
    if (alias === undefined) return problem(404, "Role alias does not exist");
    if (!alias.isAssumable) return problem(400, "Unable to assume the role, or the role to assume does not exist");
    const expiresAtMs = Math.floor(this.now() / 1000) * 1000 + alias.durationSeconds * 1000;
    const credentials = newCredentials();
    this.#parts.onIssued(credentials, expiresAtMs);
    const expiration = new Date(expiresAtMs).toISOString().replace(".000Z", "Z");
    return { status: 200, text: JSON.stringify({ credentials: { ...credentials, expiration } }) };
  }
}

/** Secrets that a test can look for: nothing else of the bench has their words in it. */
function newCredentials(): Required<SigningCredentials> {
  return {
    accessKeyId: `ASIA${randomBytes(8).toString("hex").toUpperCase()}`,
    secretAccessKey: `canary/${randomBytes(24).toString("base64")}`,
    sessionToken: `canary//${randomBytes(700).toString("base64")}`,
  };
}

function problem(status: number, message: string): { readonly status: number; readonly text: string } {
  return { status, text: JSON.stringify({ message }) };
}
