import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { RequestClient } from "../../../agent/cloud/request-client.ts";
import { WIRE_FORMATS, type WireFormat } from "../../../agent/cloud/wire-format.ts";
import type { FaultCode } from "../../../agent/core/errors.ts";
import { createFromCsr, provisioningFilters, registerThing } from "../../../agent/identity/provisioning.ts";
import type { Broker } from "../../../agent/ports/broker.ts";
import type { IdentityConfig } from "../../../config/schema.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { createSession } from "../../bench/broker/mqtt-session.ts";
import { CLAIM_NAME } from "../../bench/cloud/cloud.ts";
import { type CloudBench, startCloudBench } from "../../bench/cloud/cloud-bench.ts";
import { certificateIdOf, TEMPLATES } from "../../bench/cloud/provisioning.ts";
import { until } from "../../bench/core/wait.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { FakeKeyStore } from "../../fakes/ports/key-store.ts";

const run = promisify(execFile);
const never = new AbortController().signal;
const SUBJECT = { commonName: "truck-7", uris: [], dnsNames: [] };

describe("the bench cloud", () => {
  let folder: string;
  let bench: CloudBench;
  let claim: Broker;
  let requestClient: RequestClient;
  const keys = new FakeKeyStore();
  const sessions: Broker[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "causeway-cloud-"));
    bench = await startCloudBench(folder);
    bench.cloud.provisioning.settings.allowedSerials.add("truck-7");
    await keys.create("k", "ec-p256");
    claim = sessionAs(CLAIM_NAME, { mode: "file", ...(await bench.cloud.claim(folder)) });
    requestClient = new RequestClient({
      broker: claim,
      clock: systemClock(),
      log: new MemoryLog(),
      limits: { timeoutMs: 2000, maxPending: 10, maxAnswerBytes: 100_000 },
      token: () => "unused",
    });
    for (const format of WIRE_FORMATS) await requestClient.listen(provisioningFilters(format, TEMPLATES.fleet));
    await online(claim);
  });
  afterEach(async () => {
    await Promise.all(sessions.splice(0).map((session) => session.stop()));
  });
  afterAll(async () => {
    await claim.stop();
    await bench.stop();
    await rm(folder, { recursive: true });
  });

  function sessionAs(clientId: string, identity: IdentityConfig, log = new MemoryLog()): Broker {
    const { mosquitto, authority } = bench;
    return createSession({
      clientId,
      identity,
      caFile: authority.caFile,
      broker: { host: mosquitto.host, port: mosquitto.port, sessionExpirySeconds: 0 },
      log,
    });
  }

  async function online(session: Broker): Promise<void> {
    session.start();
    if ((await session.online(AbortSignal.timeout(10_000))) === undefined) throw new Error("not online");
  }

  /** A certificate for the key `k`, registered or not, with a session that is not started. */
  async function certified(format: WireFormat, register: boolean) {
    const created = await requestClient.request(createFromCsr(format, await keys.request("k", SUBJECT)), never);
    if (created.kind !== "accepted") throw new Error(created.kind);
    const { certificateId, certificatePem, certificateOwnershipToken: token } = created.body;
    const files = { certificateFile: join(folder, `${certificateId}.pem`), keyFile: join(folder, "k.key") };
    writeFileSync(files.certificateFile, certificatePem);
    writeFileSync(files.keyFile, keys.privateKeyPem("k"), { mode: 0o600 });
    if (register) {
      const thing = await requestClient.request(
        registerThing(format, TEMPLATES.fleet, token, serial("truck-7")),
        never,
      );
      expect(thing).toMatchObject({ kind: "accepted", body: { thingName: "truck-7" } });
    }
    const log = new MemoryLog();
    const session = sessionAs("truck-7", { mode: "file", ...files }, log);
    sessions.push(session);
    return { certificateId, certificatePem, token, session, log, ...files };
  }

  const serial = (SerialNumber: string) => ({ SerialNumber });

  function publish(session: Broker, topic: string) {
    const rest = { retain: false, contentType: "", messageExpirySeconds: undefined, userProperties: [] };
    return session.publish({ topic, payload: new Uint8Array(3), ...rest });
  }

  /** mosquitto ends the connection over a publish that it refuses, at times before its PUBACK is read: this asks on the next one. */
  function outcomeOf(session: Broker, topic: string) {
    const probe = async () => {
      const outcome = await publish(session, topic);
      if (outcome.kind !== "offline") return outcome;
      session.retryNow();
      return undefined;
    };
    return until(probe, { what: "an outcome", timeoutMs: 20_000 });
  }

  it.each(WIRE_FORMATS)(
    "gives a certificate that OpenSSL verifies, and with it the thing's permissions (%s)",
    async (format) => {
      const { certificateId, certificatePem, certificateFile, session } = await certified(format, true);
      const { stdout } = await run("openssl", ["verify", "-CAfile", bench.authority.caFile, certificateFile]);
      expect(stdout).toContain(": OK");
      expect(certificateId).toBe(certificateIdOf(certificatePem));
      await online(session);
      expect(await publish(session, "dt/causeway/truck-7/telemetry")).toEqual({ kind: "acked" });
      expect(await outcomeOf(session, "dt/causeway/truck-8/telemetry")).toMatchObject({
        kind: "rejected",
        reasonCode: 0x87,
      });
    },
  );

  it("gives a certificate that is not registered no permission", async () => {
    const { session } = await certified("json", false);
    await online(session);
    expect(await outcomeOf(session, "dt/causeway/truck-7/telemetry")).toMatchObject({
      kind: "rejected",
      reasonCode: 0x87,
    });
  });

  it("allows a claim certificate nothing but the two flows", async () => {
    for (const topic of [
      "dt/causeway/truck-7/telemetry",
      "$aws/things/truck-7/jobs/get",
      "$aws/certificates/create/json",
    ]) {
      expect(await outcomeOf(claim, topic)).toMatchObject({ kind: "rejected", reasonCode: 0x87 });
    }
    // Its rejection, which nobody waits for, must not be taken for the answer to a request of the next test.
    await outcomeOf(claim, "$aws/certificates/create-from-csr/cbor");
    await expect(claim.subscribe("$aws/things/+/jobs/notify", () => undefined)).rejects.toThrow("0x87");
    await online(claim);
  });

  it("refuses a serial number that is not on the list, a used and an expired token, an unknown template, a bad request", async () => {
    const { token } = await certified("json", false);
    const register = (template: string, given: string, parameters: Readonly<Record<string, string>>) =>
      requestClient.request(registerThing("json", template, given, parameters), never);
    const code = (errorCode: string) => ({ kind: "rejected", rejection: { code: errorCode } });
    expect(await register(TEMPLATES.fleet, token, serial("stolen-1"))).toMatchObject(code("AccessDenied"));
    expect(await register(TEMPLATES.fleet, token, serial("truck-7"))).toMatchObject({ kind: "accepted" });
    expect(await register(TEMPLATES.fleet, token, serial("truck-7"))).toMatchObject(
      code("InvalidCertificateOwnershipToken"),
    );
    bench.cloud.provisioning.settings.tokenLifeMs = 0;
    const late = await certified("json", false);
    bench.cloud.provisioning.settings.tokenLifeMs = 3_600_000;
    expect(await register(TEMPLATES.fleet, late.token, serial("truck-7"))).toMatchObject(
      code("InvalidCertificateOwnershipToken"),
    );
    await requestClient.listen(provisioningFilters("json", "no-such").slice(1));
    expect(await register("no-such", late.token, serial("truck-7"))).toMatchObject(
      code("InvalidCertificateOwnershipToken"),
    );
    const fresh = await certified("json", false);
    expect(await register("no-such", fresh.token, serial("truck-7"))).toMatchObject(code("ResourceNotFound"));
    expect(await requestClient.request(createFromCsr("json", "no PEM"), never)).toMatchObject(
      code("InvalidCertificateSigningRequest"),
    );
  });

  it("retires: the connection ends with DISCONNECT 0x98, and another one may do nothing", async () => {
    const { certificateId, session, log } = await certified("json", true);
    await online(session);
    const certificate = bench.cloud.provisioning.certificates.get(certificateId);
    if (certificate === undefined) throw new Error("no certificate");
    await bench.cloud.retire(certificate);
    // The log keeps what the status says only until the next connection.
    const [end] = await until(
      () => {
        const ends = log.of("link.failed");
        return ends.length === 0 ? undefined : ends;
      },
      { what: "the end of the connection", timeoutMs: 20_000 },
    );
    expect(end?.facts.what).toContain("0x98");
    await session.online(AbortSignal.timeout(10_000), 1);
    expect((await publish(session, "dt/causeway/truck-7/telemetry")).kind).not.toBe("acked");
  });

  it("revokes: the next handshake is refused, and the cloud goes on", async () => {
    const { certificateId, session } = await certified("json", true);
    await online(session);
    await bench.cloud.revoke(certificateId);
    await faultOf(session, "identity.certificate-revoked");
    expect(session.status().connects).toBe(1);
    await claim.online(AbortSignal.timeout(10_000));
    expect(await certified("json", true)).toBeDefined();
  });

  function faultOf(session: Broker, code: FaultCode): Promise<true> {
    const seen = () => (session.status().fault?.code === code ? true : undefined);
    return until(seen, { what: code, timeoutMs: 20_000 });
  }

  it("can be silent, lose an answer and reject", async () => {
    bench.cloud.disturb("create", "silent", "lost", { statusCode: 429, errorCode: "Throttled" });
    const before = bench.cloud.provisioning.certificates.size;
    const csr = await keys.request("k", SUBJECT);
    const ask = () => requestClient.request({ ...createFromCsr("json", csr), timeoutMs: 300 }, never);
    expect(await ask()).toEqual({ kind: "timeout" });
    expect(bench.cloud.provisioning.certificates.size).toBe(before);
    expect(await ask()).toEqual({ kind: "timeout" });
    expect(bench.cloud.provisioning.certificates.size).toBe(before + 1);
    expect(await ask()).toMatchObject({ kind: "rejected", rejection: { isRetryable: true } });
  });
});
