import { writeFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { z } from "zod";
import { FAULTS } from "../../../agent/core/errors.ts";
import type { Status } from "../../../agent/local-api/status-schema.ts";
import type { Broker } from "../../../agent/ports/broker.ts";
import { requestLocal } from "../../../drivers/os/local-socket/local-client.ts";
import { createSession } from "../../bench/broker/mqtt-session.ts";
import { writeIdentity } from "../../bench/cloud/certificate-authority.ts";
import { type CloudBench, startCloudBench } from "../../bench/cloud/cloud-bench.ts";
import { TEMPLATES } from "../../bench/cloud/provisioning.ts";
import { until } from "../../bench/core/wait.ts";
import { startTpm, type Tpm } from "../../bench/tpm/tpm.ts";
import { signingKey } from "../../fakes/commands/signing-key.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { type Daemon, type DaemonHome, daemonHome, runProgram, startDaemon } from "../../fakes/daemon/daemon.ts";

const THING = "truck-1";
/** Longest pause of telemetry that a rotation may make. */
const MAX_GAP_MS = 5000;

const rotated = z.object({ answer: z.object({ status: z.string(), result: z.record(z.string(), z.unknown()) }) });

type Arrival = { readonly atMs: number; readonly stream: string; readonly epoch: string; readonly seq: number };

describe("the rotation of a certificate in the running agent, key in the TPM", { timeout: 180_000 }, () => {
  const key = signingKey("operations");
  let folder: string;
  let bench: CloudBench;
  let tpm: Tpm;
  let consumer: Broker;
  let home: DaemonHome;
  let daemon: Daemon;
  const arrivals: Arrival[] = [];
  /** What people and their tools got to see, apart from the daemon's log. */
  const shown: string[] = [];
  const secrets: string[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "causeway-rotation-"));
    [bench, tpm] = await Promise.all([startCloudBench(folder), startTpm({ folder: join(folder, "tpm") })]);
    bench.cloud.provisioning.settings.allowedSerials.add(THING);
    consumer = await consume();
  }, 120_000);
  afterAll(async () => {
    await consumer.stop();
    await bench.stop();
    await tpm.stop();
    await rm(folder, { recursive: true });
  });

  async function consume(): Promise<Broker> {
    const issued = await bench.authority.issue({ commonName: "consumer", usage: "client" });
    const session = createSession({
      clientId: "consumer",
      identity: { mode: "file", ...writeIdentity(join(folder, "consumer"), "consumer", issued) },
      caFile: bench.authority.caFile,
      broker: { host: "localhost", port: bench.mosquitto.port },
      log: new MemoryLog(),
    });
    session.start();
    await session.online(AbortSignal.timeout(10_000));
    await session.subscribe(`dt/causeway/${THING}/+`, ({ userProperties }) => {
      const value = (name: string): string => userProperties.find(([key]) => key === name)?.[1] ?? "";
      if (value("seq") === "") return;
      const [stream, epoch, seq] = [value("stream"), value("epoch"), Number(value("seq"))];
      arrivals.push({ atMs: performance.now(), stream, epoch, seq });
    });
    return session;
  }

  async function startEnrolled(renewal: Record<string, unknown> = {}): Promise<void> {
    const { tokenLabel, pinFile, storeDir, tcti } = tpm;
    home = await daemonHome((config) => {
      config.thingName = THING;
      // This machine need not have a clock that anything vouches for.
      config.bench = true;
      config.broker = {
        host: "localhost",
        port: bench.mosquitto.port,
        caFile: bench.authority.caFile,
        reconnect: { minMs: 100, maxMs: 1000 },
      };
      config.buses = [{ name: "can0", driver: "replay", file: "drive.log", loop: true }];
      // Records often enough for a pause to be seen.
      config.collect = { batchMs: 250 };
      config.identity = { mode: "pkcs11", tokenLabel, pinFile, storeDir, tcti };
      config.provisioning = { template: TEMPLATES.fleet, rotationTemplate: TEMPLATES.rotation, format: "cbor" };
      config.commands = { policyFile: "policy.yaml" };
      config.renewal = { checkMs: 500, retry: { minMs: 1000, maxMs: 5000 }, ...renewal };
      config.log = { level: "debug" };
    });
    const policy = { schemaVersion: 1, keys: [key.pinned], allow: [{ action: "certificate.rotate" }] };
    writeFileSync(join(home.folder, "policy.yaml"), stringify(policy));
    const { certificateFile, keyFile } = await bench.cloud.claim(join(home.folder, "claim"));
    const claim = ["--claim-cert", certificateFile, "--claim-key", keyFile, "--timeout", "90"];
    const claimKey = (await readFile(keyFile, "utf8")).split("\n").filter((line) => /^[\w+/=]{16,}$/.test(line));
    secrets.push(...claimKey, (await readFile(pinFile, "utf8")).trim());
    expect(await causeway("provision", "--verbose", "--non-interactive", ...claim)).toBe(0);
    daemon = await startDaemon(home, tpm.environment);
    await statusWhere(({ link }) => link.state === "online");
  }

  /** Runs a command as a technician would, and keeps what it shows. Gives its exit code. */
  async function causeway(...args: readonly string[]): Promise<number | undefined> {
    const { code, stdout, stderr } = await runProgram([...args, "--config", home.config], tpm.environment);
    shown.push(stdout, stderr);
    return code;
  }

  function statusWhere(isWanted: (status: Status) => boolean): Promise<Status> {
    const probe = async (): Promise<Status | undefined> => {
      const status = await daemon.status();
      return isWanted(status) ? status : undefined;
    };
    return until(probe, { what: "the awaited status", timeoutMs: 60_000, everyMs: 100 });
  }

  const labels = async (): Promise<readonly string[]> => (await tpm.keys.list()).map(({ label }) => label);

  /** Every record once or more, from the first to the last of each stream. */
  function expectNothingMissing(): void {
    for (const stream of new Set(arrivals.map((one) => one.stream))) {
      const seqs = new Set(arrivals.filter((one) => one.stream === stream).map(({ seq }) => seq));
      const [first, last] = [Math.min(...seqs), Math.max(...seqs)];
      expect(last - first + 1, `${stream}: ${first}..${last}`).toBe(seqs.size);
    }
  }

  function longestGapMs(): number {
    const times = arrivals.map(({ atMs }) => atMs);
    return Math.max(...times.slice(1).map((time, index) => time - times[index]));
  }

  const renew = () =>
    runProgram(["cert", "renew", "--json", "--timeout", "90", "--config", home.config], tpm.environment);

  it("loses no record, pauses for less than five seconds, and stays as it was when the cloud says no", async () => {
    await startEnrolled({ enabled: false });
    await until(() => (arrivals.length > 10 ? true : undefined), { what: "traffic", timeoutMs: 20_000 });
    const before = await daemon.status();
    expect(before.identity).toMatchObject({ slot: "a", renewal: { state: "off" } });
    const pid = daemon.child.pid;
    arrivals.length = 0;
    await until(() => (arrivals.length > 5 ? true : undefined), { what: "traffic", timeoutMs: 20_000 });
    const answer = await renew();
    const after = await daemon.status();
    expect(answer).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(answer.stdout)).toMatchObject({ certificateId: after.identity.certificate?.certificateId });
    await until(() => (arrivals.length > 40 ? true : undefined), { what: "traffic again", timeoutMs: 30_000 });
    expect(longestGapMs()).toBeLessThan(MAX_GAP_MS);
    expect(after).toMatchObject({ pid, identity: { slot: "b", orphans: 0 }, link: { connects: 2 } });
    expect(after.identity.certificate?.certificateId).not.toBe(before.identity.certificate?.certificateId);
    expect(await labels()).toEqual(["device", "device-2"]);
    await until(() => (bench.cloud.provisioning.of(THING, "REVOKED").length === 1 ? true : undefined), {
      what: "the end of the old certificate at the cloud",
      timeoutMs: 20_000,
    });
    // The broker takes the new certificate in a new connection too, and the old one no more.
    bench.cloud.announcements.length = 0;
    const [current] = bench.cloud.provisioning.of(THING, "ACTIVE");
    if (current === undefined) throw new Error("no active certificate");
    await bench.cloud.kick(current);
    await statusWhere(({ link }) => link.state === "online" && link.connects === 3);
    await until(() => (arrivals.at(-1)?.seq !== undefined && arrivals.length > 60 ? true : undefined), {
      what: "traffic after the kick",
      timeoutMs: 30_000,
    });
    expectNothingMissing();

    // Refused: the old identity goes on, and the next try, by itself, succeeds.
    bench.cloud.disturb("register", { statusCode: 403, errorCode: "AccessDenied" });
    const slot = (await daemon.status()).identity.slot;
    const refused = await renew();
    expect(JSON.parse(refused.stderr)).toMatchObject({ error: { code: "identity.enrolment-refused" } });
    expect(refused.stderr).toContain("AccessDenied");
    expect(refused.code).toBe(FAULTS["identity.enrolment-refused"].exit);
    shown.push(refused.stderr);
    const failed = await daemon.status();
    expect(failed.identity).toMatchObject({ slot, renewal: { state: "failed", failures: 1 } });
    expect(failed.identity.renewal.fault?.code).toBe("identity.enrolment-refused");
    expect(failed.link).toMatchObject({ state: "online", connects: 3 });
    const renewed = await statusWhere(({ identity }) => identity.slot !== slot && identity.phase === undefined);
    expect(renewed.identity).toMatchObject({ orphans: 0, renewal: { failures: 0 } });
    expect(await labels()).toHaveLength(2);
    await until(() => (arrivals.length > 100 ? true : undefined), { what: "traffic", timeoutMs: 30_000 });
    expectNothingMissing();

    // By a command, signed; one without a signature changes nothing.
    const { certificateId } = renewed.identity.certificate ?? {};
    expect(await command({ schemaVersion: 1, action: "certificate.rotate" })).toMatchObject({
      answer: { status: "REJECTED", reason: { code: "SIGNATURE_MISSING" } },
    });
    expect((await daemon.status()).identity.certificate?.certificateId).toBe(certificateId);
    const { answer: end } = rotated.parse(await command(signedRotation()));
    const { identity } = await daemon.status();
    expect(end).toEqual({ status: "SUCCEEDED", result: { certificateId: identity.certificate?.certificateId } });
    expect(identity.certificate?.certificateId).not.toBe(certificateId);
    await expectNoSecretShown();
  });

  /** PIN, claim key and ownership tokens, on every way by which something is shown. */
  async function expectNoSecretShown(): Promise<void> {
    const codes: Record<string, number | undefined> = {};
    for (const command of ["status", "cert show", "key list", "key test", "doctor"]) {
      codes[command] = await causeway(...command.split(" "), "--json");
    }
    codes["connect test"] = await causeway("connect", "test", "--verbose");
    expect(codes).toEqual({ status: 0, "cert show": 0, "key list": 0, "key test": 0, doctor: 0, "connect test": 0 });
    shown.push(...daemon.lines, await readFile(join(home.folder, "stderr.log"), "utf8"));
    const all = shown.join("\n");
    secrets.push(...bench.cloud.provisioning.issuedTokens);
    expect(secrets.length).toBeGreaterThanOrEqual(6);
    expect(all).toContain("certificate");
    for (const secret of secrets) expect(all.includes(secret)).toBe(false);
  }

  const command = (body: object): Promise<unknown> =>
    requestLocal(
      join(home.folder, "run", "admin.sock"),
      { verb: "commands.run", payload: JSON.stringify(body) },
      AbortSignal.timeout(90_000),
    );

  function signedRotation(): object {
    const nowMs = Date.now();
    const fields = {
      id: "rotate-1",
      thing: THING,
      action: "certificate.rotate",
      arguments: {},
      notBeforeMs: nowMs - 5000,
      expiresAtMs: nowMs + 60_000,
      counter: 1,
    };
    return { schemaVersion: 1, ...fields, signature: key.sign(fields) };
  }
});
