import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer, type TLSSocket } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { FAULTS, type FaultCode } from "../../../agent/core/errors.ts";
import type { Broker } from "../../../agent/ports/broker.ts";
import type { BrokerConfig } from "../../../config/schema.ts";
import { createSession } from "../../bench/broker/mqtt-session.ts";
import { type CertificateRequest, createAuthority, writeIdentity } from "../../bench/cloud/certificate-authority.ts";
import { type CloudBench, startCloudBench } from "../../bench/cloud/cloud-bench.ts";
import { until } from "../../bench/core/wait.ts";
import { MemoryLog } from "../../fakes/core/log.ts";

const THING = "veh-001";
/** Several attempts at the sessions' reconnect delays of 100 to 1000 ms would fit in. */
const SILENCE_MS = 2500;

describe("faults of identities on the link", { timeout: 90_000 }, () => {
  let folder: string;
  let bench: CloudBench;
  const stops: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "causeway-link-faults-"));
    bench = await startCloudBench(folder, [THING]);
  });
  afterEach(async () => {
    await Promise.all(stops.splice(0).map((stop) => stop()));
  });
  afterAll(async () => {
    await bench.stop();
    await rm(folder, { recursive: true });
  });

  async function session(
    broker: Partial<BrokerConfig> = {},
    certificate: Partial<CertificateRequest> = {},
  ): Promise<{ readonly broker: Broker; readonly certificatePem: string; readonly log: MemoryLog }> {
    const issued = await bench.authority.issue({ commonName: THING, usage: "client", days: 1, ...certificate });
    const log = new MemoryLog();
    const created = createSession({
      clientId: THING,
      identity: { mode: "file", ...writeIdentity(join(folder, "identities"), `id-${stops.length}`, issued) },
      caFile: bench.authority.caFile,
      broker: { host: "localhost", port: bench.mosquitto.port, ...broker },
      log,
    });
    stops.push(() => created.stop());
    created.start();
    return { broker: created, certificatePem: issued.certificatePem, log };
  }

  /** A TLS server with this certificate; what it does with a client is `serve`'s. Counts its connections. */
  async function server(
    request: Partial<CertificateRequest>,
    serve: (socket: TLSSocket) => void = () => undefined,
  ): Promise<{ readonly port: number; connections(): number; readonly names: string[]; readonly protocols: string[] }> {
    const subjectAltNames = [{ kind: "dns" as const, value: "localhost" }];
    const issued = await bench.authority.issue({ commonName: "stub", usage: "server", subjectAltNames, ...request });
    const [names, protocols]: [string[], string[]] = [[], []];
    let connections = 0;
    const stub = createServer({
      cert: issued.certificatePem,
      key: issued.privateKeyPem,
      ca: await readFile(bench.authority.caFile),
      requestCert: true,
      ALPNProtocols: ["x-amzn-mqtt-ca"],
    });
    stub.on("connection", () => (connections += 1));
    stub.on("secureConnection", (socket) => {
      names.push(String(socket.servername));
      protocols.push(String(socket.alpnProtocol));
      socket.on("error", () => undefined);
      serve(socket);
    });
    stub.on("tlsClientError", () => undefined);
    await new Promise<void>((resolve) => stub.listen(0, "127.0.0.1", resolve));
    stops.push(() => Promise.resolve(void stub.close()));
    const address = stub.address();
    if (typeof address !== "object" || address === null) throw new Error("no port");
    return { port: address.port, connections: () => connections, names, protocols };
  }

  async function faultOf({ broker }: { readonly broker: Broker }, code: FaultCode) {
    const seen = () => {
      const { fault } = broker.status();
      return fault?.code === code ? fault : undefined;
    };
    return await until(seen, { what: `${code}, not ${broker.status().fault?.code}`, timeoutMs: 45_000 });
  }

  /** Whether nothing more is tried: a fault that trying harder cannot mend waits for five minutes. */
  async function expectSilence(count: () => number): Promise<void> {
    const before = count();
    await until(() => undefined, { what: "silence", timeoutMs: SILENCE_MS }).catch(() => undefined);
    expect(count()).toBe(before);
  }

  it("tells a certificate that was revoked from one that was never taken, and waits", async () => {
    const taken = await session();
    await taken.broker.online(AbortSignal.timeout(10_000));
    bench.authority.revoke(taken.certificatePem);
    await bench.mosquitto.restart();
    const fault = await faultOf(taken, "identity.certificate-revoked");
    expect(fault.remedy).toContain("causeway provision --again");
    expect(taken.log.of("link.failed").at(-1)?.level).toBe("error");
    expect(FAULTS[fault.code].retry).toBe("slow");
    const lines = async () =>
      (await readFile(bench.mosquitto.logFile, "utf8")).split("\n").filter((line) => line.includes("New connection"))
        .length;
    const before = await lines();
    await until(() => undefined, { what: "silence", timeoutMs: SILENCE_MS }).catch(() => undefined);
    // One may have been on its way when the fault was found; several more would be without the wait.
    expect(await lines()).toBeLessThanOrEqual(before + 1);
    expect(await taken.broker.publish(RECORD)).toEqual({ kind: "offline" });
  });

  it("names a certificate of ours that has expired, and one that is not valid yet", async () => {
    const expired = await session({}, { days: -1 });
    expect((await faultOf(expired, "identity.certificate-expired")).what).toContain("expired on");
    const early = await session({}, { days: 2, backdateMs: -86_400_000 });
    expect((await faultOf(early, "identity.certificate-not-yet-valid")).what).toContain("is not valid before");
  });

  it("names a certificate of ours that the broker does not know", async () => {
    const stranger = createAuthority(join(folder, "stranger"));
    const issued = await stranger.issue({ commonName: THING, usage: "client" });
    const created = createSession({
      clientId: THING,
      identity: { mode: "file", ...writeIdentity(join(folder, "identities"), "stranger", issued) },
      caFile: bench.authority.caFile,
      broker: { host: "localhost", port: bench.mosquitto.port },
      log: new MemoryLog(),
    });
    stops.push(() => created.stop());
    created.start();
    await faultOf({ broker: created }, "identity.certificate-refused");
  });

  it("names the broker's certificate when it is for another host, or expired", async () => {
    const other = await server({ subjectAltNames: [{ kind: "dns", value: "elsewhere.example" }] });
    const fault = await faultOf(await session({ port: other.port }), "broker.name-mismatch");
    expect(fault.what).toContain("is for DNS:elsewhere.example, not for localhost");
    const old = await server({ days: -1 });
    await faultOf(await session({ port: old.port }), "broker.certificate-expired");
  });

  it.each([
    ["0x87 not authorized", 0x87],
    ["0x86 bad user name or password", 0x86],
  ])("names a thing that may not connect (CONNACK %s), and waits", async (_, code) => {
    const stub = await server({}, (socket) => {
      // CONNACK: packet type 2, remaining length 3, no session, reason code, no properties (MQTT 5.0, 3.2).
      socket.once("data", () => socket.end(Uint8Array.of(0x20, 3, 0, code, 0)));
    });
    const fault = await faultOf(await session({ port: stub.port }), "broker.not-authorised");
    expect(fault.remedy).toContain("may also have been disabled");
    await expectSilence(() => stub.connections());
  });

  it("comes back by itself after the broker has sent it away", async () => {
    const kicked = await session();
    await kicked.broker.online(AbortSignal.timeout(10_000));
    await bench.cloud.kick({ certificateId: "", certificatePem: "", principal: THING, state: "ACTIVE", thing: THING });
    await kicked.broker.online(AbortSignal.timeout(10_000), 1);
    expect(kicked.log.of("link.failed")[0]?.facts.what).toContain("0x98 administrative action");
  });

  it("leaves the session to another client with its name, and says so at the third time", async () => {
    const mine = await session();
    const seen = () => mine.broker.status();
    for (let round = 1; round <= 3; round++) {
      await mine.broker.online(AbortSignal.timeout(20_000), round - 1);
      const other = await session();
      await other.broker.online(AbortSignal.timeout(10_000));
      await until(() => (seen().state === "online" ? undefined : true), { what: "sent away", timeoutMs: 20_000 });
      await other.broker.stop();
    }
    const { connects, fault } = seen();
    expect(fault?.code).toBe("broker.session-contested");
    expect(fault?.what).toContain(`another client seems to connect as ${THING}`);
    await expectSilence(() => seen().connects);
    expect(connects).toBe(3);
  });

  it.each([
    ["none", "false"],
    ["aws", "x-amzn-mqtt-ca"],
  ] as const)(
    "tells the server whom it wants to reach (SNI), and with alpn %s the protocol",
    async (alpn, protocol) => {
      const stub = await server({});
      await session({ port: stub.port, alpn });
      await until(() => stub.names[0], { what: "a handshake", timeoutMs: 15_000 });
      expect([stub.names[0], stub.protocols[0]]).toEqual(["localhost", protocol]);
    },
  );

  it.each(["default", "tls-1.2-2025-07", "post-quantum"] as const)("connects with the ciphers %s", async (ciphers) => {
    const { broker } = await session({ ciphers });
    expect(await broker.online(AbortSignal.timeout(15_000))).toBeDefined();
  });
});

const RECORD = {
  topic: `dt/causeway/${THING}/telemetry`,
  payload: new Uint8Array(1),
  retain: false,
  contentType: "",
  messageExpirySeconds: undefined,
  userProperties: [],
};
