import { execFile } from "node:child_process";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { z } from "zod";
import { type CloudBench, startCloudBench } from "../../bench/cloud/cloud-bench.ts";
import { TEMPLATES } from "../../bench/cloud/provisioning.ts";
import { startTpm, type Tpm } from "../../bench/tpm/tpm.ts";
import { runProgram } from "../../fakes/daemon/daemon.ts";

const run = promisify(execFile);
/** With every kind of character that a thing name may have. */
const THING = "truck_1:A-b";

const provisionReport = z.object({
  outcome: z.enum(["enrolled", "present"]),
  steps: z.array(z.object({ step: z.string(), ms: z.number(), detail: z.string() })),
  connection: z.object({ ok: z.boolean(), steps: z.array(z.object({ step: z.string(), ok: z.boolean() })) }),
});
const fault = z.object({ error: z.object({ code: z.string(), what: z.string(), remedy: z.string() }) });

describe("causeway provision", { timeout: 120_000 }, () => {
  let folder: string;
  let bench: CloudBench;
  let tpm: Tpm;
  let config: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "causeway-provision-"));
    [bench, tpm] = await Promise.all([startCloudBench(folder), startTpm({ folder: join(folder, "tpm") })]);
    bench.cloud.provisioning.settings.allowedSerials.add(THING);
    const { tokenLabel, pinFile, storeDir, tcti } = tpm;
    config = join(folder, "agent.yaml");
    writeFileSync(
      config,
      stringify({
        thingName: THING,
        stateDir: join(folder, "state"),
        runtimeDir: join(folder, "run"),
        buses: [{ name: "can0", driver: "native", interface: "can0" }],
        broker: { host: "localhost", port: bench.mosquitto.port, caFile: bench.authority.caFile },
        identity: { mode: "pkcs11", tokenLabel, pinFile, storeDir, tcti },
        provisioning: { template: TEMPLATES.fleet, format: "cbor" },
      }),
    );
  });
  afterAll(async () => {
    await bench.stop();
    await tpm.stop();
    await rm(folder, { recursive: true });
  });

  const provision = (...args: readonly string[]) =>
    runProgram(["provision", "--config", config, "--non-interactive", ...args], tpm.environment);

  it("asks for nothing with --non-interactive, and says what is missing", async () => {
    const { code, stderr } = await provision("--json");
    expect(fault.parse(JSON.parse(stderr)).error.code).toBe("usage.invalid");
    expect(code).toBe(64);
  });

  it("refuses a claim key that others can read", async () => {
    const { certificateFile, keyFile } = await bench.cloud.claim(join(folder, "open"));
    await run("chmod", ["644", keyFile]);
    const { code, stderr } = await provision("--json", "--claim-cert", certificateFile, "--claim-key", keyFile);
    expect(fault.parse(JSON.parse(stderr)).error).toMatchObject({ code: "identity.claim-exposed" });
    expect(code).toBe(77);
    expect(existsSync(keyFile)).toBe(true);
  });

  it("ends with a key born in the TPM, a certificate for it, no claim certificate, and a tested connection", async () => {
    const { certificateFile, keyFile } = await bench.cloud.claim(join(folder, "claim"));
    const claimKey = readFileSync(keyFile, "utf8");
    const pin = readFileSync(tpm.pinFile, "utf8");
    const args = ["--json", "--verbose", "--claim-cert", certificateFile, "--claim-key", keyFile];
    const { code, stdout, stderr } = await provision(...args);
    const report = provisionReport.parse(JSON.parse(stdout));
    expect(code).toBe(0);
    expect(report.outcome).toBe("enrolled");
    expect(report.steps.map(({ step }) => step)).toEqual([
      "token",
      "key",
      "claim",
      "certificate",
      "connect",
      "announce",
      "clean-up",
    ]);
    expect(report.connection.steps.map(({ step, ok }) => [step, ok])).toEqual(
      ["dns", "tcp", "tls", "key", "connect", "publish"].map((step) => [step, true]),
    );
    expect([existsSync(keyFile), existsSync(certificateFile)]).toEqual([false, false]);
    const body = claimKey.split("\n")[1];
    for (const secret of [pin, body]) expect(stdout + stderr).not.toContain(secret);
    const [issued] = bench.cloud.provisioning.of(THING, "ACTIVE");
    const files = await run("find", [join(folder, "state", "identity"), "-name", "*.pem"]);
    const [path = ""] = files.stdout.trim().split("\n");
    expect(readFileSync(path, "utf8")).toBe(issued?.certificatePem);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await run("openssl", ["verify", "-CAfile", bench.authority.caFile, path]);
    const [key] = (await tpm.keys.list()).filter(({ label }) => label === "device-1");
    expect(key?.problems).toEqual([]);
  });

  it("does nothing for a device that is enrolled, and tests its connection", async () => {
    const { code, stdout } = await provision("--json");
    expect(provisionReport.parse(JSON.parse(stdout))).toMatchObject({ outcome: "present", connection: { ok: true } });
    expect(code).toBe(0);
  });

  it("makes a new identity for a revoked device, and deletes the old key", async () => {
    const [old] = bench.cloud.provisioning.of(THING, "ACTIVE");
    await bench.cloud.revoke(old?.certificateId ?? "");
    expect((await provision("--json")).code).not.toBe(0);
    const { certificateFile, keyFile } = await bench.cloud.claim(join(folder, "claim-2"));
    const { code, stdout } = await provision(
      "--json",
      "--again",
      "--claim-cert",
      certificateFile,
      "--claim-key",
      keyFile,
    );
    expect(provisionReport.parse(JSON.parse(stdout)).outcome).toBe("enrolled");
    expect(code).toBe(0);
    expect((await tpm.keys.list()).map(({ label }) => label)).toEqual(["device", "device-2"]);
  });
});
