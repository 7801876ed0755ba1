import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer, type SecureVersion } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { inspectServer, openTcp, resolveHost } from "../../../../drivers/aws/probe.ts";
import { type Authority, createAuthority } from "../../../bench/certificate-authority.ts";

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
      const stranger = createAuthority(join(folder, "stranger"));
      const strangers = await readFile(stranger.caFile, "utf8");
      const fault = { code: "broker.tls-failed" };
      await expect(inspectServer(at(await listen({ maxVersion })), strangers)).rejects.toMatchObject({
        ...fault,
        message: expect.stringContaining("unknown authority (CN=Causeway bench CA)"),
      });
      await expect(
        inspectServer(at(await listen({ maxVersion, name: "other.example" })), trusted),
      ).rejects.toMatchObject({
        ...fault,
        message: expect.stringContaining("is for DNS:other.example, not for localhost"),
      });
      await expect(inspectServer(at(await listen({ maxVersion, days: -1 })), trusted)).rejects.toMatchObject({
        ...fault,
        message: expect.stringMatching(/expired on \d{4}-\d{2}-\d{2}T/),
      });
    },
  );

  it("says that a server speaks no TLS, or nothing at all", async () => {
    const talker = await portOf(createServer((socket) => socket.on("error", () => undefined).end("220 hello\r\n")));
    await expect(inspectServer(at(talker), trusted)).rejects.toMatchObject({ code: "broker.tls-failed" });
    const mute = await portOf(createServer((socket) => closers.push(() => socket.destroy())));
    await expect(inspectServer({ ...at(mute), timeoutMs: 200 }, trusted)).rejects.toMatchObject({
      code: "broker.tls-failed",
      message: expect.stringContaining("no TLS answer within 200 ms"),
    });
  });

  it("says that nobody listens", async () => {
    const port = await portOf(createServer());
    closers.splice(0)[0]();
    const fault = { code: "broker.unreachable", message: `the broker localhost:${port} refused the TCP connection` };
    await expect(openTcp(at(port))).rejects.toMatchObject(fault);
    await expect(inspectServer(at(port), trusted)).rejects.toMatchObject(fault);
  });

  it("resolves a name, or says that it cannot", async () => {
    expect(await resolveHost(at(1))).toContain("127.0.0.1");
    await expect(resolveHost(at(1, "no-such-host.invalid"))).rejects.toMatchObject({ code: "broker.unreachable" });
  });
});
