import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CloudBench, startCloudBench } from "../../bench/cloud/cloud-bench.ts";
import type { CloudExecution } from "../../bench/cloud/job-executions.ts";
import type { CloudJobs } from "../../bench/cloud/jobs.ts";
import { TEMPLATES } from "../../bench/cloud/provisioning.ts";
import { until } from "../../bench/core/wait.ts";
import { startTpm, type Tpm } from "../../bench/tpm/tpm.ts";
import { type Daemon, type DaemonHome, daemonHome, runProgram, startDaemon } from "../../fakes/daemon/daemon.ts";
import { startJobs } from "../../fakes/updates/job-cloud.ts";
import { ReleaseSigner } from "../../fakes/updates/release.ts";

const THING = "truck-1";
const DOCUMENT = { version: "1.0", operation: "rotate-certificate" };

describe("a job that rotates the certificate, key in the TPM", { timeout: 180_000 }, () => {
  let folder: string;
  let bench: CloudBench;
  let tpm: Tpm;
  let jobs: CloudJobs;
  let stopJobs: () => Promise<void>;
  let home: DaemonHome;
  let daemon: Daemon;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "causeway-rotation-job-"));
    [bench, tpm] = await Promise.all([startCloudBench(folder), startTpm({ folder: join(folder, "tpm") })]);
    bench.cloud.provisioning.settings.allowedSerials.add(THING);
    const side = await startJobs({ folder, ...bench, presign: (key) => key });
    jobs = side.jobs;
    stopJobs = () => side.stop();
  }, 120_000);
  afterAll(async () => {
    await stopJobs();
    await bench.stop();
    await tpm.stop();
    await rm(folder, { recursive: true });
  });

  async function startEnrolled(): Promise<void> {
    const { tokenLabel, pinFile, storeDir, tcti } = tpm;
    const { rootFile } = new ReleaseSigner(join(folder, "desk"));
    home = await daemonHome((config) => {
      config.thingName = THING;
      // This machine need not have a clock that anything vouches for.
      config.bench = true;
      const reconnect = { minMs: 100, maxMs: 1000 };
      config.broker = { host: "localhost", port: bench.mosquitto.port, caFile: bench.authority.caFile, reconnect };
      config.identity = { mode: "pkcs11", tokenLabel, pinFile, storeDir, tcti };
      config.provisioning = { template: TEMPLATES.fleet, rotationTemplate: TEMPLATES.rotation, format: "cbor" };
      config.renewal = { enabled: false, checkMs: 500, retry: { minMs: 1000, maxMs: 2000 } };
      const gate = { condition: { signals: {}, all: ["true"] } };
      config.ota = { rootFile, hardware: "gateway-2", gate, jobs: { reportSeconds: 1 } };
    });
    const { certificateFile, keyFile } = await bench.cloud.claim(join(home.folder, "claim"));
    const claim = ["--claim-cert", certificateFile, "--claim-key", keyFile, "--timeout", "90"];
    const args = ["provision", "--config", home.config, "--non-interactive", ...claim];
    const enrolled = await runProgram(args, tpm.environment);
    if (enrolled.code !== 0) throw new Error(enrolled.stderr);
    daemon = await startDaemon(home, tpm.environment);
  }

  const create = (jobId: string, document: object = DOCUMENT): Promise<CloudExecution> =>
    jobs.create({ jobId, thing: THING, document });
  const end = (job: CloudExecution): Promise<string> =>
    until(() => (/QUEUED|IN_PROGRESS/.test(job.status) ? undefined : job.status), {
      what: `the end of ${job.jobId}`,
      timeoutMs: 90_000,
    });
  const inUse = async (): Promise<string | undefined> =>
    (await daemon.status()).identity.certificate?.certificateId ?? undefined;

  it("tells the certificate that is in use, or why the old one stays, and is not done twice when the process dies in it", async () => {
    await startEnrolled();
    const before = await inUse();
    const rotated = await create("rotate-1");
    expect(await end(rotated)).toBe("SUCCEEDED");
    expect(rotated.statusDetails).toEqual({ certificateId: await inUse(), previousCertificateId: before });
    expect(await inUse()).not.toBe(before);
    expect(bench.cloud.provisioning.of(THING, "ACTIVE").map(({ certificateId }) => certificateId)).toEqual([
      await inUse(),
    ]);

    await expectOnceOverAKill();

    const kept = await inUse();
    bench.cloud.disturb("register", { statusCode: 403, errorCode: "AccessDenied" });
    const refused = await create("rotate-2");
    expect(await end(refused)).toBe("FAILED");
    expect(refused.statusDetails?.reason).toMatch(/^identity\.enrolment-refused: /);
    expect(await inUse()).toBe(kept);
    expect(await end(await create("rotate-3", { ...DOCUMENT, key: "mine" }))).toBe("REJECTED");
  });

  /** The process dies in the middle of the rotation. */
  async function expectOnceOverAKill(): Promise<void> {
    const before = await inUse();
    const keys = (await tpm.keys.list()).length;
    // The answer is lost, so that the kill comes after the request.
    bench.cloud.disturb("register", "silent");
    const job = await create("rotate-4");
    const isUnderWay = () => (job.status === "IN_PROGRESS" ? true : undefined);
    await until(isUnderWay, { what: "the rotation is under way", timeoutMs: 60_000 });
    daemon.child.signal("SIGKILL");
    await daemon.child.ended;
    daemon = await startDaemon(home, tpm.environment);
    expect(`${await end(job)} ${job.statusDetails?.reason ?? ""}`).toBe("SUCCEEDED ");
    expect(job.statusDetails).toEqual({ certificateId: await inUse(), previousCertificateId: before });
    expect((await tpm.keys.list()).length).toBe(keys);
    expect(bench.cloud.provisioning.of(THING, "ACTIVE")).toHaveLength(1);
  }
});
