import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { stringify } from "yaml";
import type { FaultCode } from "../../../agent/core/errors.ts";
import type { Broker, Publication } from "../../../agent/ports/broker.ts";
import type { HttpProxy, ProxyRule } from "../../../agent/ports/http-proxy.ts";
import type { FetchedArtifact } from "../../../agent/ports/update.ts";
import { proxyConfig } from "../../../config/proxy.ts";
import { inspectServer } from "../../../drivers/aws/link/probe.ts";
import { createDownloader } from "../../../drivers/os/download/download.ts";
import { createProxyRule, PROXY_CREDENTIAL } from "../../../drivers/os/http-proxy.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { type Mosquitto, startMosquitto } from "../../bench/broker/mosquitto.ts";
import { createSession } from "../../bench/broker/mqtt-session.ts";
import { TcpProxy } from "../../bench/broker/tcp-proxy.ts";
import { startTinyproxy, type Tinyproxy } from "../../bench/broker/tinyproxy.ts";
import { type ArtifactServer, startArtifactServer } from "../../bench/cloud/artifact-server.ts";
import { type Authority, createAuthority, writeIdentity } from "../../bench/cloud/certificate-authority.ts";
import { freePorts } from "../../bench/core/ports.ts";
import { seededRandom } from "../../bench/core/seeded-random.ts";
import { until } from "../../bench/core/wait.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { runCli } from "../../fakes/daemon/cli-runner.ts";
import { daemonHome, startDaemon } from "../../fakes/daemon/daemon.ts";

const THING = "veh-001";
const SECRET = "vehicle:s3cret-of-the-proxy";
const [USER = "", PASSWORD = ""] = SECRET.split(":");
const SIZE_BYTES = 8_000_000;
const PUBLICATION: Publication = {
  topic: `dt/causeway/${THING}/event`,
  payload: new Uint8Array(9),
  retain: false,
  contentType: "text/plain",
  messageExpirySeconds: undefined,
  userProperties: [],
};
const never = new AbortController().signal;

describe("connections through an HTTP proxy (tinyproxy)", { timeout: 60_000 }, () => {
  let folder: string;
  let authority: Authority;
  let mosquitto: Mosquitto;
  let artifacts: ArtifactServer;
  let identity: { readonly certificateFile: string; readonly keyFile: string };
  let open: Tinyproxy;
  let closed: Tinyproxy;
  let stub: Awaited<ReturnType<typeof startStub>>;
  let deadPort: number;
  const log = new MemoryLog();
  const sessions: Broker[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "causeway-proxy-"));
    for (const name of ["served", "credentials"]) mkdirSync(join(folder, name));
    writeFileSync(join(folder, "credentials", PROXY_CREDENTIAL), `${SECRET}\n`, { mode: 0o400 });
    authority = createAuthority(join(folder, "ca"));
    mosquitto = await startMosquitto({ folder: join(folder, "broker"), authority, things: [THING] });
    const device = await authority.issue({ commonName: THING, usage: "client", days: 1 });
    identity = writeIdentity(join(folder, "identity"), "device", device);
    const subjectAltNames = [{ kind: "ip" as const, value: "127.0.0.1" }];
    const issued = await authority.issue({ commonName: "artifacts", subjectAltNames, usage: "server" });
    const { certificatePem, privateKeyPem = "" } = issued;
    artifacts = await startArtifactServer(join(folder, "served"), { certificatePem, privateKeyPem });
    deadPort = await freePorts(1);
    stub = await startStub();
    const ports = [mosquitto.port, artifacts.port, stub.port, deadPort];
    open = await startTinyproxy({ folder: join(folder, "open"), ports });
    closed = await startTinyproxy({ folder: join(folder, "closed"), ports, user: USER, password: PASSWORD });
  });
  afterEach(async () => {
    await Promise.all(sessions.splice(0).map((session) => session.stop()));
  });
  afterAll(async () => {
    await Promise.all([open.stop(), closed.stop(), artifacts.stop(), mosquitto.stop(), stub.stop()]);
    await rm(folder, { recursive: true });
  });

  /** A TLS server that notes the name by which whoever shows a certificate asks for it, and ends the connection. */
  async function startStub() {
    const subjectAltNames = [{ kind: "dns" as const, value: "localhost" }];
    const { certificatePem, privateKeyPem } = await authority.issue({
      commonName: "stub",
      usage: "server",
      subjectAltNames,
    });
    const names: unknown[] = [];
    const tls = { cert: certificatePem, key: privateKeyPem, ca: readFileSync(authority.caFile), requestCert: true };
    const server = createTlsServer({ ...tls, rejectUnauthorized: false }, (socket) => {
      if (socket.authorized) names.push(socket.servername);
      socket.on("error", () => undefined);
      socket.end();
    });
    server.on("tlsClientError", () => undefined);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return { port: portOf(server.address()), names, stop: () => new Promise((resolve) => server.close(resolve)) };
  }

  function portOf(address: string | AddressInfo | null): number {
    if (typeof address !== "object" || address === null) throw new Error("no port");
    return address.port;
  }

  function ruleOf(port: number, credentials?: string, exclude: readonly string[] = []): ProxyRule {
    const credentialsFile = join(folder, `credentials-${port}`);
    if (credentials !== undefined) writeFileSync(credentialsFile, credentials, { mode: 0o600 });
    const named = credentials === undefined ? {} : { credentialsFile };
    const settings = proxyConfig.parse({ host: "127.0.0.1", port, exclude, ...named });
    return createProxyRule({ settings, credentialsDirectory: undefined });
  }

  function proxyAt(port: number, credentials?: string): HttpProxy {
    const proxy = ruleOf(port, credentials)("localhost");
    if (proxy === undefined) throw new Error("no proxy");
    return proxy;
  }

  function start(proxy: HttpProxy, port = mosquitto.port): Broker {
    const broker = { host: "localhost", port, connectTimeoutMs: 1000 };
    const parts = { clientId: THING, identity: { mode: "file" as const, ...identity }, caFile: authority.caFile };
    const session = createSession({ ...parts, broker, proxy, log });
    sessions.push(session);
    session.start();
    return session;
  }

  async function expectOnline(session: Broker): Promise<void> {
    const limits = await session.online(AbortSignal.timeout(15_000));
    expect(limits === undefined ? session.status().fault : "online").toBe("online");
  }

  async function faultOf(session: Broker, code: FaultCode) {
    const seen = () => {
      const { fault } = session.status();
      return fault?.code === code ? fault : undefined;
    };
    return await until(seen, { what: code, timeoutMs: 20_000 });
  }

  /** A TCP server that reads, and answers its first connection with `answer` and the others with nothing. Counts its connections. */
  async function listen(answer = ""): Promise<{ readonly port: number; connections(): number; end(): void }> {
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket);
      socket.on("error", () => undefined);
      const isFirst = sockets.length === 1;
      socket.once("data", () => void (isFirst && answer !== "" && socket.end(answer)));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const end = (): void => {
      for (const socket of sockets) socket.destroy();
      server.close();
    };
    onTestFinished(end);
    return { port: portOf(server.address()), connections: () => sockets.length, end };
  }

  function expectNoSecret(...told: readonly unknown[]): void {
    const text = JSON.stringify([log.entries, ...told]);
    expect(text).not.toContain(PASSWORD);
    expect(text).not.toContain(Buffer.from(SECRET).toString("base64"));
  }

  describe("to the broker", () => {
    it("go through, with mutual TLS inside, and come back when the proxy does", async () => {
      const session = start(proxyAt(open.port));
      await expectOnline(session);
      expect(await session.publish(PUBLICATION)).toEqual({ kind: "acked" });
      expect(open.log()).toContain(`CONNECT localhost:${mosquitto.port} HTTP/1.1`);
      const { connects } = session.status();
      await open.stop();
      await until(() => session.status().state !== "online" || undefined, { what: "offline", timeoutMs: 20_000 });
      await faultOf(session, "proxy.unreachable");
      await open.start();
      expect(await session.online(AbortSignal.timeout(15_000), connects)).toBeDefined();
    });

    it("go through a proxy that wants a user and password, which are told nowhere", async () => {
      const session = start(proxyAt(closed.port, SECRET));
      await expectOnline(session);
      expectNoSecret(session.status());
    });

    it("are of the broker's name and certificate, as without a proxy", async () => {
      start(proxyAt(open.port), stub.port);
      await until(() => stub.names[0], { what: "a handshake", timeoutMs: 20_000 });
      expect(stub.names[0]).toBe("localhost");
      const endpoint = { host: "localhost", port: mosquitto.port, timeoutMs: 5000 };
      const proxy = proxyAt(open.port);
      const trusted = readFileSync(authority.caFile, "utf8");
      expect((await inspectServer(endpoint, trusted, proxy)).chain[0]?.subject).toContain("localhost");
      const other = readFileSync(createAuthority(join(folder, "other-ca")).caFile, "utf8");
      await expect(inspectServer(endpoint, other, proxy)).rejects.toMatchObject({
        code: "broker.certificate-untrusted",
      });
    });

    it.each([
      ["nobody listens there", () => proxyAt(deadPort), "proxy.unreachable", "ECONNREFUSED", "proxy.port"],
      ["it wants a user and password", () => proxyAt(closed.port), "proxy.authentication-wanted", "407", "0600"],
      ["they are wrong", () => proxyAt(closed.port, "vehicle:no"), "proxy.authentication-wanted", "401", "0600"],
      ["the file holds something else", () => proxyAt(9, "no"), "proxy.credentials-missing", "USER:PASS", "colon"],
    ] as const)("name the proxy, the reason and what to do when %s", async (_, proxy, code, what, remedy) => {
      const fault = await faultOf(start(proxy()), code);
      expect(fault.what).toContain(what);
      expect(fault.remedy).toContain(remedy);
      expectNoSecret(fault);
    });

    it("tell what the proxy refuses from what it does not reach", async () => {
      const refused = await faultOf(start(proxyAt(open.port), 4711), "proxy.refused");
      expect(refused.what).toBe(`the proxy 127.0.0.1:${open.port} refuses a connection to localhost:4711: HTTP 403`);
      expect(refused.remedy).toContain("allow CONNECT to localhost:4711");
      const lost = await faultOf(start(proxyAt(open.port), deadPort), "proxy.bad-gateway");
      expect(lost.what).toContain(`did not reach localhost:${deadPort}`);
    });

    it("are tried again where a proxy takes the connection and is silent, and where it is none", async () => {
      const silent = await listen();
      const session = start(proxyAt(silent.port));
      expect((await faultOf(session, "proxy.unreachable")).what).toContain("no answer within 1000 ms");
      await until(() => silent.connections() > 1 || undefined, { what: "another try", timeoutMs: 20_000 });
      const other = await listen("220 mail.example ESMTP\r\n");
      expect((await faultOf(start(proxyAt(other.port)), "proxy.unreachable")).remedy).toContain("an HTTP proxy");
    });

    it("are given up where the proxy falls silent after the first look, on which the library would wait without end", async () => {
      const silent = await listen("HTTP/1.1 200 Connection established\r\n\r\n");
      const session = start(proxyAt(silent.port));
      await until(() => silent.connections() > 1 || undefined, { what: "an attempt", timeoutMs: 20_000 });
      expect(session.status().fault).toBeUndefined();
      await faultOf(session, "proxy.unreachable");
      const before = silent.connections();
      await until(() => silent.connections() > before || undefined, { what: "another try", timeoutMs: 20_000 });
      silent.end();
    });
  });

  it("are tested step by step by `causeway connect test`, with the credential that systemd gives", async () => {
    const config = join(folder, "agent.yaml");
    const settings = {
      thingName: THING,
      bench: true,
      runtimeDir: folder,
      stateDir: folder,
      buses: [{ name: "can0", driver: "socketcan", interface: "can0" }],
      broker: { host: "localhost", port: mosquitto.port, caFile: authority.caFile },
      proxy: { host: "127.0.0.1", port: closed.port },
      identity: { mode: "file", ...identity },
    };
    writeFileSync(config, stringify(settings));
    const environment = { CREDENTIALS_DIRECTORY: join(folder, "credentials"), HTTPS_PROXY: "http://127.0.0.1:9" };
    const args = ["connect", "test", "--client-id", THING, "--config", config];
    const tunnels = (): number => closed.log().split(`CONNECT localhost:${mosquitto.port} `).length - 1;
    const before = tunnels();
    const { stdout, stderr } = await runCli(args, { clock: systemClock(), environment });
    // The steps "proxy" and "tls", the look before the session, and the session.
    expect(tunnels() - before).toBe(4);
    expect(stdout.match(/^\w+ +(?:ok|failed)/gm)?.map((line) => line.replace(/ +/, " "))).toEqual(
      ["proxy", "tls", "key", "connect", "publish"].map((step) => `${step} ok`),
    );
    expect(stdout).toContain(`127.0.0.1:${closed.port}`);
    expectNoSecret(stdout, stderr);
    await expect(runCli(args, { clock: systemClock() })).rejects.toMatchObject({ code: "proxy.authentication-wanted" });
  });

  it("are those of the daemon and of `causeway ota check` too", async () => {
    const home = await daemonHome((config) => {
      config.proxy = { host: "127.0.0.1", port: closed.port };
    });
    const url = artifacts.presign("manifest.json", 60_000);
    const check = runCli(["ota", "check", url, "--config", home.config]);
    await expect(check).rejects.toMatchObject({ code: "proxy.authentication-wanted" });
    const daemon = await startDaemon(home);
    const code = async () => (await daemon.status()).link.fault?.code;
    await until(async () => (await code()) === "proxy.authentication-wanted" || undefined, {
      what: "the fault in the status",
      timeoutMs: 20_000,
    });
  });

  describe("to artifact servers", () => {
    function artifact(): FetchedArtifact {
      const bytes = Buffer.alloc(SIZE_BYTES, Buffer.from(Array.from({ length: 251 }, (_, index) => index)));
      writeFileSync(join(folder, "served", "artifact"), bytes);
      const file = join(folder, "downloads", "artifact");
      onTestFinished(() => rm(file, { force: true }));
      return {
        name: "artifact",
        version: "1",
        sizeBytes: SIZE_BYTES,
        sha256: createHash("sha256").update(bytes).digest("hex"),
        file,
      };
    }

    async function download(proxyFor: ProxyRule, onProgress: (bytes: number) => void = () => undefined) {
      const downloader = createDownloader({
        settings: {
          maxBytesPerSecond: undefined,
          minBytesPerSecond: 100,
          minRateWindowMs: 5000,
          giveUpMs: 300,
          maxRepeats: 10,
          reconnect: { minMs: 5, maxMs: 50 },
          spareBytes: 1_000_000,
        },
        ca: readFileSync(authority.caFile, "utf8"),
        proxyFor,
        streams: { open: async () => ({ kind: "denied", detail: "no streams here" }) },
        clock: systemClock(),
        log,
        random: seededRandom(2),
      });
      const source = { kind: "url", url: artifacts.presign("artifact", 60_000) } as const;
      return await downloader.download(source, artifact(), onProgress, never);
    }

    it("go on after a cut, through a proxy that wants a user and password", async () => {
      const line = new TcpProxy({ host: "127.0.0.1", port: closed.port });
      const port = await line.start();
      onTestFinished(() => line.stop());
      let isCut = false;
      const outcome = await download(ruleOf(port, SECRET), (bytes) => {
        if (isCut || bytes < SIZE_BYTES / 8) return;
        isCut = true;
        void line.cut().then(() => line.restore());
      });
      expect(outcome).toEqual({ kind: "complete" });
      expect(line.accepted).toBeGreaterThan(1);
      expect(closed.log()).toContain(`CONNECT 127.0.0.1:${artifacts.port} HTTP/1.1`);
      const { facts } = log.entries.findLast(({ event }) => event === "download.completed") ?? {};
      expect(Number(facts?.fetchedBytes)).toBeLessThan(SIZE_BYTES * 1.2);
      expectNoSecret(outcome);
    });

    it("say what the proxy said when they are given up", async () => {
      const outcome = await download(ruleOf(closed.port));
      expect(outcome).toMatchObject({ kind: "failed" });
      expect(JSON.stringify(outcome)).toContain(`the proxy 127.0.0.1:${closed.port} does not let us in`);
    });

    it("go without the proxy to a host that is excluded", async () => {
      expect(await download(ruleOf(deadPort, undefined, ["127.0.0.1"]))).toEqual({ kind: "complete" });
    });
  });
});
