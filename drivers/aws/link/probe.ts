import { lookup } from "node:dns/promises";
import { connect as connectTcp, isIP } from "node:net";
import { connect as connectTls } from "node:tls";
import { cryptoTrouble } from "../../../agent/core/crypto-trouble.ts";
import { AgentError, errnoOf, messageOf } from "../../../agent/core/errors.ts";
import type { HttpProxy } from "../../../agent/ports/http-proxy.ts";
import {
  type ChainProblem,
  chainOf,
  chainProblem,
  describeCertificate,
  type ServerCertificate,
} from "./server-certificate.ts";

/** Where the broker is, and how long one step of reaching it may take. */
export type Endpoint = { readonly host: string; readonly port: number; readonly timeoutMs: number };

/** What a TLS server showed before any client certificate was asked for. */
export type ServerFacts = {
  /** "TLSv1.3"; undefined when it ended the handshake for want of a client certificate. */
  readonly protocol: string | undefined;
  /** Its own certificate first. */
  readonly chain: readonly ServerCertificate[];
};

/** Addresses of the host, in the resolver's order. Throws `broker.unreachable`. */
export async function resolveHost({ host, timeoutMs }: Endpoint): Promise<readonly string[]> {
  try {
    const found = await Promise.race([lookup(host, { all: true }), expiry(timeoutMs)]);
    if (found !== "late") return found.map(({ address }) => address);
  } catch (error) {
    throw unresolved(host, errnoOf(error) ?? messageOf(error), error);
  }
  throw unresolved(host, `no answer within ${timeoutMs} ms`, undefined);
}

/** Opens a TCP connection and closes it. Throws `broker.unreachable`. */
export function openTcp({ host, port, timeoutMs }: Endpoint): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ host, port });
    const fail = (problem: string, cause?: unknown): void => {
      socket.destroy();
      reject(unreachable({ host, port }, problem, cause));
    };
    socket.setTimeout(timeoutMs, () => fail(`did not answer within ${timeoutMs} ms`));
    socket.once("error", (error) => fail(tcpProblem(error), error));
    socket.once("connect", () => {
      socket.destroy();
      resolve();
    });
  });
}

/**
 * Looks at the server's certificate by a TLS handshake without one of our own. Throws `broker.unreachable`, `broker.tls-failed`
 * when the server speaks no TLS, and `broker.certificate-expired`, `broker.name-mismatch` or `broker.certificate-untrusted` when its
 * certificate is not one to trust for this host; with a proxy what its `tunnel` does.
 */
export async function inspectServer(endpoint: Endpoint, trustedPem: string, proxy?: HttpProxy): Promise<ServerFacts> {
  const { host, port, timeoutMs } = endpoint;
  const way = proxy === undefined ? { host, port } : { socket: await proxy.tunnel(endpoint, timeoutMs) };
  return await new Promise((resolve, reject) => {
    // Not verified by the library: its verdict is lost when the server ends the handshake for want of a client certificate (TLS 1.2).
    const socket = connectTls({
      ...way,
      rejectUnauthorized: false,
      ...(isIP(host) === 0 ? { servername: host } : {}),
    });
    const fail = (error: AgentError): void => {
      socket.destroy();
      reject(error);
    };
    const judge = (protocol: string | undefined): void => {
      try {
        const chain = chainOf(socket.getPeerCertificate(true));
        socket.destroy();
        const problem = chainProblem(chain, host, trustedPem, Date.now());
        if (problem === undefined) resolve({ protocol, chain: chain.map(describeCertificate) });
        else reject(untrusted(endpoint, problem.what, undefined, problem.code));
      } catch (error) {
        // Whoever answers may show anything; thrown in a callback of the socket it would end the process.
        fail(untrusted(endpoint, `its certificate cannot be read: ${cryptoTrouble(error)}`, error));
      }
    };
    socket.setTimeout(timeoutMs, () => fail(untrusted(endpoint, `it gave no TLS answer within ${timeoutMs} ms`)));
    socket.once("secureConnect", () => judge(socket.getProtocol() ?? undefined));
    socket.once("error", (error) => {
      if (socket.getPeerCertificate()?.raw !== undefined) judge(undefined);
      else if (socket.connecting || isTcpError(error)) fail(unreachable(endpoint, tcpProblem(error), error));
      else fail(untrusted(endpoint, `it does not speak TLS as expected: ${cryptoTrouble(error)}`, error));
    });
  });
}

function expiry(ms: number): Promise<"late"> {
  return new Promise((resolve) => setTimeout(() => resolve("late"), ms).unref());
}

function isTcpError(error: unknown): boolean {
  return ["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "ENOTFOUND", "EAI_AGAIN", "ETIMEDOUT"].includes(
    errnoOf(error) ?? "",
  );
}

function tcpProblem(error: unknown): string {
  switch (errnoOf(error)) {
    case "ECONNREFUSED":
      return "refused the TCP connection";
    case "ECONNRESET":
      return "closed the connection at once";
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return "cannot be reached: there is no route";
    default:
      return `cannot be reached: ${messageOf(error)}`;
  }
}

function unresolved(host: string, problem: string, cause: unknown): AgentError {
  return new AgentError("broker.unreachable", {
    what: `the host name ${host} cannot be resolved (${problem})`,
    remedy: "check broker.host, the network connection and the DNS servers of this machine",
    cause,
  });
}

function unreachable(
  endpoint: { readonly host: string; readonly port: number },
  problem: string,
  cause: unknown,
): AgentError {
  return new AgentError("broker.unreachable", {
    what: `the broker ${endpoint.host}:${endpoint.port} ${problem}`,
    remedy: "check broker.host, broker.port, the network connection and firewalls on the way",
    cause,
  });
}

const REMEDIES: Readonly<Record<ChainProblem["code"], string>> = {
  "broker.tls-failed": "check broker.host and broker.port, and what stands between this machine and the broker",
  "broker.certificate-expired": "check this machine's clock; if it is right, have the broker's certificate renewed",
  "broker.name-mismatch": "set broker.host to the name that the broker's certificate is for",
  "broker.certificate-untrusted":
    "put the authority of the broker's certificate into broker.caFile (AWS IoT Core: AmazonRootCA1.pem); if it should be there, somebody else answers",
};

function untrusted(
  { host, port }: Endpoint,
  problem: string,
  cause?: unknown,
  code: ChainProblem["code"] = "broker.tls-failed",
): AgentError {
  const what = `no TLS with the broker ${host}:${port}: ${problem}`;
  return new AgentError(code, { what, remedy: REMEDIES[code], cause });
}
