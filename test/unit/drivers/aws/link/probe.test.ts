import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer, type SecureVersion } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { AgentError } from "../../../../../agent/core/errors.ts";
import { inspectServer, openTcp, resolveHost } from "../../../../../drivers/aws/link/probe.ts";
import { type Authority, createAuthority } from "../../../../bench/cloud/certificate-authority.ts";

type Server = { readonly maxVersion?: SecureVersion; readonly name?: string; readonly days?: number };

describe("probe", () => {
  let folder: string;
  let authority: Authority;
  let trusted: string;
  const closers: (() => void)[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "causeway-probe-"));
    authority = createAuthority(folder);
    trusted = await readFile(authority.caFile, "utf8");
  });
  afterEach(() => {
    for (const close of closers.splice(0)) close();
  });
  afterAll(() => rm(folder, { recursive: true }));

  /** A TLS server that wants a client certificate, as a broker does. */
  async function listen({ maxVersion = "TLSv1.3", name = "localhost", days = 1 }: Server = {}): Promise<number> {
    const subjectAltNames = [{ kind: "dns" as const, value: name }];
    const issued = await authority.issue({ commonName: name, usage: "server", days, subjectAltNames });
    const options = { cert: issued.certificatePem, key: issued.privateKeyPem, ca: trusted, maxVersion };
    const server = createTlsServer({ ...options, requestCert: true, rejectUnauthorized: true }, (socket) => {
      socket.on("error", () => undefined);
    });
    return await portOf(server);
  }

  function portOf(server: ReturnType<typeof createServer>): Promise<number> {
    return new Promise((resolve) => {
      closers.push(() => server.close());
      server.listen(0, "127.0.0.1", () => {
        const address = server.address();
        resolve(typeof address === "object" && address !== null ? address.port : 0);
      });
    });
  }

  async function failureOf(work: Promise<unknown>): Promise<string> {
    try {
      await work;
      return "no failure";
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      return `${error.code}: ${error.message}`;
    }
  }

  const at = (port: number, host = "localhost") => ({ host, port, timeoutMs: 2000 });

  it.each(["TLSv1.2", "TLSv1.3"] as const)(
    "shows a good server's certificate with %s, without one of our own",
    async (maxVersion) => {
      const facts = await inspectServer(at(await listen({ maxVersion })), trusted);
      expect(facts.chain[0]).toMatchObject({ subject: "CN=localhost", issuer: "CN=Causeway bench CA" });
    },
  );

  it.each(["TLSv1.2", "TLSv1.3"] as const)(
    "finds what is wrong with a server's certificate with %s",
    async (maxVersion) => {
      const inspect = async (server: Server, pem = trusted): Promise<string> =>
        await failureOf(inspectServer(at(await listen({ maxVersion, ...server })), pem));
      const stranger = createAuthority(join(folder, "stranger"));
      const unknown = await inspect({}, await readFile(stranger.caFile, "utf8"));
      expect(unknown).toMatch(/^broker.certificate-untrusted: .*unknown authority \(CN=Causeway bench CA\)/);
      const otherName = await inspect({ name: "other.example" });
      expect(otherName).toMatch(/^broker.name-mismatch: .*is for DNS:other.example, not for localhost/);
      expect(await inspect({ days: -1 })).toMatch(/^broker.certificate-expired: .*expired on \d{4}-\d{2}-\d{2}T/);
    },
  );

  it("says that a server speaks no TLS, or nothing at all", async () => {
    const talker = await portOf(createServer((socket) => socket.on("error", () => undefined).end("220 hello\r\n")));
    expect(await failureOf(inspectServer(at(talker), trusted))).toMatch(
      /^broker.tls-failed: .*: what it answers is no TLS$/,
    );
    const mute = await portOf(createServer((socket) => closers.push(() => socket.destroy())));
    const silence = await failureOf(inspectServer({ ...at(mute), timeoutMs: 200 }, trusted));
    expect(silence).toMatch(/^broker.tls-failed: .*no TLS answer within 200 ms/);
  });

  it("says that nobody listens", async () => {
    const port = await portOf(createServer());
    closers.splice(0)[0]();
    const expected = `broker.unreachable: the broker localhost:${port} refused the TCP connection`;
    expect(await failureOf(openTcp(at(port)))).toBe(expected);
    expect(await failureOf(inspectServer(at(port), trusted))).toBe(expected);
  });

  it("resolves a name, or says that it cannot", async () => {
    expect(await resolveHost(at(1))).toContain("127.0.0.1");
    const failure = await failureOf(resolveHost(at(1, "no-such-host.invalid")));
    expect(failure).toMatch(/^broker.unreachable: the host name no-such-host.invalid cannot be resolved/);
  });

  it("names a certificate that cannot be read, and lets nothing out of the socket's callback", async () => {
    const bundle = `-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n${trusted}`;
    expect(await failureOf(inspectServer(at(await listen()), bundle))).toMatch(/^broker\.tls-failed: .*cannot be read/);
  });
});
