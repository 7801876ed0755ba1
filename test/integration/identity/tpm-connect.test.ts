import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { z } from "zod";
import { openIdentity } from "../../../agent/daemon/open-identity.ts";
import { loadConfig } from "../../../config/load.ts";
import { createCredentialsEndpoint } from "../../../drivers/aws/credentials/credentials-endpoint.ts";
import { createBroker } from "../../../drivers/aws/mqtt5.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { type Mosquitto, startMosquitto } from "../../bench/broker/mosquitto.ts";
import { startSession } from "../../bench/broker/session-process.ts";
import {
  type Authority,
  createAuthority,
  type RevokingAuthority,
  writeIdentity,
} from "../../bench/cloud/certificate-authority.ts";
import { CredentialsProviderBench } from "../../bench/cloud/credentials-provider.ts";
import { startChild } from "../../bench/core/child.ts";
import { until } from "../../bench/core/wait.ts";
import { adoptForeignKey } from "../../bench/tpm/adopted-key.ts";
import { startTpm, type Tpm } from "../../bench/tpm/tpm.ts";
import { MemoryLog } from "../../fakes/core/log.ts";

const run = promisify(execFile);
const MAIN = fileURLToPath(new URL("../../../agent/main.ts", import.meta.url));
const THING = "veh-001";
const TOPIC = `dt/causeway/${THING}/telemetry`;

const testReport = z.object({
  ok: z.boolean(),
  steps: z.array(z.object({ step: z.string(), ok: z.boolean(), ms: z.number(), detail: z.string() })),
  server: z.object({ chain: z.array(z.object({ subject: z.string(), issuer: z.string(), notAfter: z.string() })) }),
  fault: z.object({ code: z.string(), what: z.string(), remedy: z.string() }).optional(),
});

describe("a connection with a key in the TPM", () => {
  let folder: string;
  let authority: RevokingAuthority;
  let mosquitto: Mosquitto;
  let tpm: Tpm;
  let certificateFile: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "causeway-tpm-connect-"));
    authority = createAuthority(join(folder, "ca"));
    [mosquitto, tpm] = await Promise.all([
      startMosquitto({ folder: join(folder, "broker"), authority, things: [THING] }),
      startTpm({ folder: join(folder, "tpm") }),
    ]);
    certificateFile = await certificateFrom(authority, THING);
  });
  afterAll(async () => {
    await mosquitto.stop();
    await tpm.stop();
    await rm(folder, { recursive: true });
  });

  async function certificateFrom(issuer: Authority, name: string, days = 30): Promise<string> {
    const request = { commonName: THING, publicKeyPem: tpm.publicKeyPem, usage: "client" as const, days };
    return writeIdentity(join(folder, "identity"), name, await issuer.issue(request)).certificateFile;
  }

  async function configure(name: string, identity: Readonly<Record<string, string>> = {}): Promise<string> {
    const file = join(folder, `${name}.yaml`);
    const { tokenLabel, keyLabel, pinFile, storeDir, tcti } = tpm;
    const config = {
      thingName: THING,
      runtimeDir: folder,
      buses: [{ name: "can0", driver: "native", interface: "can0" }],
      broker: {
        host: mosquitto.host,
        port: mosquitto.port,
        caFile: mosquitto.caFile,
        reconnect: { minMs: 100, maxMs: 1000 },
      },
      identity: {
        mode: "pkcs11",
        module: "libtpm2_pkcs11.so.1",
        tokenLabel,
        keyLabel,
        certificateFile,
        pinFile,
        storeDir,
        tcti,
        ...identity,
      },
    };
    await writeFile(file, stringify(config));
    return file;
  }

  const startAgentSession = (configFile: string) =>
    startSession({ configFile, logFile: `${configFile}.log`, environment: tpm.environment });

  /** How often the PKCS#11 library complained of `problem` on its stderr: once an attempt. */
  async function complaints(configFile: string, problem: string): Promise<number> {
    return (await readFile(`${configFile}.log`, "utf8")).split("\n").filter((line) => line.includes(problem)).length;
  }

  async function testConnection(configFile: string) {
    const args = [MAIN, "connect", "test", "--json", "--config", configFile];
    const done = await run(process.execPath, args, { env: { ...process.env, ...tpm.environment } }).then(
      ({ stdout }) => ({ stdout, code: 0 }),
      (error: unknown) => z.object({ stdout: z.string(), code: z.number() }).parse(error),
    );
    const parsed: unknown = JSON.parse(done.stdout);
    return { code: done.code, report: testReport.parse(parsed) };
  }

  it("publishes with PUBACK, and another client gets topic, payload and user properties", async () => {
    const consumer = writeIdentity(
      join(folder, "identity"),
      "consumer",
      await authority.issue({ commonName: "consumer", usage: "client" }),
    );
    const lines: string[] = [];
    const tls = ["--cafile", mosquitto.caFile, "--cert", consumer.certificateFile, "--key", consumer.keyFile];
    const subscriber = await startChild({
      // Its stdout would wait for a full buffer in a pipe.
      command: "stdbuf",
      args: [
        "-oL",
        "mosquitto_sub",
        "-V",
        "5",
        "-h",
        mosquitto.host,
        "-p",
        String(mosquitto.port),
        ...tls,
        "-i",
        "consumer",
      ].concat(["-q", "1", "-d", "-t", "dt/causeway/#", "-F", "%t|%x|%C|%P"]),
      logFile: join(folder, "subscriber.log"),
      onLine: (line) => lines.push(line),
    });
    await until(() => lines.find((line) => line.startsWith("Subscribed")), { what: "SUBACK", timeoutMs: 20_000 });
    const session = await startAgentSession(await configure("good"));
    await session.status(({ state }) => state === "online");
    const outcome = await session.publish({
      topic: TOPIC,
      payloadHex: "00ff10",
      userProperties: [
        ["epoch", "42"],
        ["seq", "7"],
      ],
    });
    expect(outcome).toBe("acked");
    const arrived = await until(() => lines.find((line) => line.startsWith(TOPIC)), {
      what: "arrival",
      timeoutMs: 20_000,
    });
    expect(arrived).toBe(`${TOPIC}|00ff10|application/x-protobuf|epoch:42 seq:7`);
    await session.stop();
    await subscriber.stop();
  });

  it.each(["rsa-2048", "rsa-3072", "ec-p384"] as const)("connects with a key of type %s too", async (algorithm) => {
    const { publicKeyPem } = await tpm.keys.create(algorithm, algorithm);
    const issued = await authority.issue({ commonName: THING, publicKeyPem, usage: "client" });
    const { certificateFile: ownFile } = writeIdentity(join(folder, "identity"), algorithm, issued);
    const { code, report } = await testConnection(
      await configure(algorithm, { keyLabel: algorithm, certificateFile: ownFile }),
    );
    expect([code, report.ok]).toEqual([0, true]);
  });

  it("gets credentials for its certificate over the context that MQTT uses, beside a connection and after it", async () => {
    const config = await loadConfig(await configure("credentials"));
    // The library takes them from the environment of the process alone.
    Object.assign(process.env, tpm.environment);
    const log = new MemoryLog();
    const { inUse: identity } = openIdentity({ config, environment: process.env, log, verbose: false });
    const clock = systemClock({ kernelErrorUs: () => 1000 });
    const { certificatePem, privateKeyPem = "" } = await authority.issue({
      commonName: "localhost",
      subjectAltNames: [{ kind: "dns", value: "localhost" }],
      usage: "server",
    });
    const issued: string[] = [];
    const provider = await CredentialsProviderBench.start({
      tls: { certificatePem, privateKeyPem },
      caFile: authority.caFile,
      crlFile: authority.crlFile,
      onIssued: ({ accessKeyId }) => void issued.push(accessKeyId),
    });
    provider.aliases.set("uploads", { durationSeconds: 900, isAssumable: true });
    const parts = { host: "localhost", port: provider.port, thing: THING, identity, proxy: undefined, clock };
    const endpoint = createCredentialsEndpoint(parts);
    const { signal } = new AbortController();
    const broker = createBroker(
      { config: config.broker, clientId: THING, will: undefined, connectGapMs: 20 },
      { identity, proxy: undefined, clock, log },
    );
    broker.start();
    await until(() => (broker.status().state === "online" ? true : undefined), { what: "online", timeoutMs: 20_000 });
    const [first, second] = await Promise.all([endpoint.ask("uploads", signal), endpoint.ask("uploads", signal)]);
    expect(broker.status()).toMatchObject({ state: "online", connects: 1 });
    await broker.stop();
    const third = await endpoint.ask("uploads", signal);
    expect([first, second, third].map(({ accessKeyId }) => accessKeyId).toSorted()).toEqual(issued.toSorted());
    expect(new Set(issued).size).toBe(3);
    expect(first.expiresAtMs - Date.now()).toBeGreaterThan(890_000);
    await provider.stop();
  });

  it("says of a key that was made outside the TPM that it is unfit", async () => {
    const publicKeyPem = await adoptForeignKey(tpm, "foreign");
    const issued = await authority.issue({ commonName: THING, publicKeyPem, usage: "client" });
    const { certificateFile: ownFile } = writeIdentity(join(folder, "identity"), "foreign", issued);
    const { report } = await testConnection(
      await configure("foreign", { keyLabel: "foreign", certificateFile: ownFile }),
    );
    expect(report.steps.find(({ step }) => step === "key")?.detail).toContain("UNFIT: it could be moved");
  });

  it("is tested step by step by the CLI", async () => {
    const { code, report } = await testConnection(await configure("cli"));
    expect(report.steps.map(({ step, ok }) => [step, ok])).toEqual([
      ["dns", true],
      ["tcp", true],
      ["tls", true],
      ["key", true],
      ["connect", true],
      ["publish", true],
    ]);
    expect(report.server.chain[0]).toMatchObject({ subject: "CN=localhost", issuer: "CN=Causeway bench CA" });
    expect(code).toBe(0);
  });

  it("asks the token once with a wrong PIN and never again, and keeps running", async () => {
    const pinFile = join(folder, "wrong-pin");
    await writeFile(pinFile, "not-the-pin-1234\n", { mode: 0o600 });
    const configFile = await configure("wrong-pin", { pinFile });
    const session = await startAgentSession(configFile);
    const { fault } = await session.status((status) => status.fault !== undefined);
    expect(fault?.code).toBe("identity.pin-wrong");
    // Long enough for several attempts at the configured reconnect delays of 100 to 1000 ms.
    const afterwards = await session.status(() => false, 3000).catch(() => session.statuses.at(-1));
    expect(afterwards).toMatchObject({ state: "offline", connects: 0, fault: { code: "identity.pin-wrong" } });
    await session.stop();
    expect(await complaints(configFile, "Error unsealing wrapping key")).toBe(1);
    expect(await readFile(`${configFile}.log`, "utf8")).not.toContain("not-the-pin-1234");
  });

  it.each([
    ["an unknown token", { tokenLabel: "nobody" }, "identity.token-missing", 78],
    ["an unknown key", { keyLabel: "nobody" }, "identity.key-missing", 78],
    ["a missing PKCS#11 library", { module: "/nowhere/pkcs11.so" }, "identity.module-missing", 78],
    ["a missing token store", { storeDir: "/nowhere" }, "identity.token-missing", 78],
    ["a missing certificate", { certificateFile: "/nowhere.pem" }, "identity.certificate-missing", 78],
    ["a missing PIN file", { pinFile: "/nowhere" }, "identity.pin-missing", 78],
    ["no TPM behind the TCTI", { tcti: "device:/dev/no-such-tpm" }, "identity.tpm-absent", 69],
  ] as const)("names %s and its remedy", async (_, identity, fault, exit) => {
    const { code, report } = await testConnection(await configure("faulty", identity));
    expect(report.fault).toMatchObject({ code: fault });
    expect(report.fault?.remedy).not.toBe("");
    expect(report.steps.at(-1)).toMatchObject({ step: "key", ok: false });
    expect(code).toBe(exit);
  });

  it("tells a certificate that the broker does not know from a broken link", async () => {
    const stranger = createAuthority(join(folder, "stranger"));
    const refused = { certificateFile: await certificateFrom(stranger, "stranger") };
    const session = await startAgentSession(await configure("stranger", refused));
    const { fault } = await session.status((status) => status.fault?.code === "identity.certificate-refused");
    expect(fault?.what).toContain(refused.certificateFile);
    await session.stop();
    const { code, report } = await testConnection(await configure("stranger", refused));
    expect(report.fault?.code).toBe("identity.certificate-refused");
    expect(code).toBe(69);
  });

  it("says that its own certificate has expired", async () => {
    const expired = { certificateFile: await certificateFrom(authority, "expired", -1) };
    const { report } = await testConnection(await configure("expired", expired));
    expect(report.fault?.code).toBe("identity.certificate-expired");
    expect(report.fault?.what).toMatch(/expired on \d{4}-/);
  });

  it("goes on trying while the TPM is absent, and connects when it is there", async () => {
    const { resourceManager } = tpm.children;
    const [command = "", ...args] = (await readFile(`/proc/${resourceManager.pid}/cmdline`, "utf8"))
      .split("\0")
      .slice(0, -1);
    await resourceManager.stop();
    const configFile = await configure("absent");
    const session = await startAgentSession(configFile);
    const { fault } = await session.status((status) => status.fault !== undefined);
    expect(fault?.code).toBe("identity.tpm-absent");
    const probe = async () => ((await complaints(configFile, "Could not initialize tpm ctx")) >= 3 ? true : undefined);
    await until(probe, { what: "further attempts", timeoutMs: 15_000 });
    const environment = { ...tpm.environment, PATH: `${process.env.PATH ?? ""}:/usr/sbin` };
    const again = await startChild({ command, args, environment, logFile: join(folder, "abrmd-again.log") });
    await session.status(({ state }) => state === "online");
    await session.stop();
    await again.stop();
  });
});
