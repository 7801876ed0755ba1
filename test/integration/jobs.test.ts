import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { writeIdentity } from "../bench/certificate-authority.ts";
import type { CloudExecution } from "../bench/cloud/job-executions.ts";
import { TcpProxy } from "../bench/tcp-proxy.ts";
import { until } from "../bench/wait.ts";
import { type DaemonHome, daemonHome } from "../fakes/daemon.ts";
import { type JobCloud, startJobCloud } from "../fakes/job-cloud.ts";
import { RELEASES, ReleaseDesk } from "../fakes/release.ts";
import { type SupervisedDaemon, superviseDaemon } from "../fakes/supervised-daemon.ts";

const THING = "veh-1";
const PATIENCE_MS = 60_000;
const NEVER = { signals: {}, all: ["1.0 < -1.0"] };

let folder: string;
let cloud: JobCloud;
let proxy: TcpProxy;
let port: number;
let home: DaemonHome;
let desk: ReleaseDesk;
let lastJob = 0;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "causeway-jobs-"));
  cloud = await startJobCloud(folder, [THING]);
  proxy = new TcpProxy({ host: "127.0.0.1", port: cloud.mosquitto.port });
  port = await proxy.start();
});
beforeEach(() => {
  desk = new ReleaseDesk(join(folder, `desk-${lastJob}`));
});
afterEach(() => proxy.restore());
afterAll(async () => {
  await proxy.stop();
  await cloud.stop();
  rmSync(folder, { recursive: true });
});

async function vehicle(condition: unknown = { signals: {}, all: ["true"] }): Promise<SupervisedDaemon> {
  const issued = await cloud.authority.issue({ commonName: THING, usage: "client" });
  const { certificateFile, keyFile } = writeIdentity(join(folder, "vehicle"), THING, issued);
  home = await daemonHome((config) => {
    const reconnect = { minMs: 100, maxMs: 1000 };
    config.broker = { host: "localhost", port, caFile: cloud.mosquitto.caFile, reconnect };
    config.identity = { mode: "file", certificateFile, keyFile };
    config.ota = {
      rootFile: desk.rootFile,
      hardware: "gateway-2",
      gate: { condition, holdSeconds: 0 },
      download: { caFile: cloud.authority.caFile },
      jobs: { reportSeconds: 1, handlers: [{ name: "greet", program: "/bin/echo", arguments: ["[a-z]+"] }] },
      prove: { withinSeconds: 30, offlineSeconds: 20 },
    };
  });
  return await superviseDaemon(home);
}

/** A job document for an update that the cloud's artifact server has. */
function otaDocument(content: string, changes: Readonly<Record<string, unknown>> = {}): object {
  const { path, name } = desk.make(content);
  copyFileSync(join(desk.folder, name), join(cloud.served, name));
  const signatures: unknown = JSON.parse(readFileSync(`${path}.sig`, "utf8"));
  const url = `\${aws:iot:s3-presigned-url:https://s3.eu-central-1.amazonaws.com/bucket/${name}}`;
  const manifest = readFileSync(path, "utf8");
  return {
    version: "1.0",
    operation: "ota",
    manifest,
    signatures,
    roots: [],
    artifacts: { [name]: { url } },
    ...changes,
  };
}

const create = (document: unknown, inProgressTimeoutMs?: number): Promise<CloudExecution> =>
  cloud.jobs.create({
    jobId: `job-${++lastJob}`,
    thing: THING,
    document,
    ...(inProgressTimeoutMs === undefined ? {} : { inProgressTimeoutMs }),
  });

/** Status and reason at the end. */
const end = (execution: CloudExecution): Promise<string> =>
  until(
    () =>
      execution.status === "QUEUED" || execution.status === "IN_PROGRESS"
        ? undefined
        : `${execution.status} ${execution.statusDetails?.reason ?? ""}`.trim(),
    { what: `the end of ${execution.jobId}`, timeoutMs: PATIENCE_MS },
  );

const reaches = (execution: CloudExecution, phase: string): Promise<true> =>
  until(() => (execution.statusDetails?.phase === phase ? true : undefined), {
    what: `${execution.jobId} reaches ${phase}`,
    timeoutMs: PATIENCE_MS,
  });

const current = (): string => join(home.folder, "state/releases/current");

describe("AWS IoT Jobs, from the cloud to the vehicle and back", { timeout: 180_000 }, () => {
  it("updates the agent over a restart, with a fresh URL in place of an expired one, and tells how it goes", async () => {
    // Those of notify-next and start-next.
    cloud.lives.push(-1, -1);
    const job = await create(otaDocument(RELEASES.works));
    const daemon = await vehicle();
    expect(await end(job)).toBe("SUCCEEDED");
    expect(job.statusDetails).toEqual({ phase: "done", versionFrom: "0.1.0", versionTo: "1.0.1" });
    expect(job.history.at(0)?.status).toBe("IN_PROGRESS");
    expect(daemon.ends).toEqual([75]);
    expect(existsSync(current())).toBe(true);
    expect(daemon.log()).not.toContain("signature=");
    // The same release once more is there already.
    const again = await create(job.document);
    expect(await end(again)).toBe("SUCCEEDED installed already");
  });

  it("says FAILED, and runs the old version, after a new one that crashes", async () => {
    const daemon = await vehicle();
    const job = await create(otaDocument(RELEASES.crashes));
    expect(await end(job)).toBe("FAILED supervisor-went-back: 3 starts");
    expect(existsSync(current())).toBe(false);
    expect(daemon.ends).toHaveLength(4);
  });

  it("rejects what it does not know or does not trust, each with its reason, over lost and refused requests", async () => {
    await vehicle();
    const cases: readonly (readonly [document: unknown, reason: RegExp])[] = [
      [{ version: "1.0", operation: "mine-coins" }, /^REJECTED unsupported: operation mine-coins$/],
      [{ version: "1.0", steps: [] }, /^REJECTED malformed: steps/],
      [{ operation: "ota", version: "1.0", url: "https://example/x" }, /^REJECTED malformed: /],
      [{ ...otaDocument(RELEASES.works), manifest: "{}" }, /^REJECTED signature-wrong: /],
      [otaDocument(RELEASES.works, { artifacts: { "../x": { url: "file:///etc/passwd" } } }), /^REJECTED malformed: /],
      [{ operation: "constructor" }, /^REJECTED unsupported: operation constructor$/],
    ];
    for (const [document, reason] of cases) {
      cloud.jobs.disturb("throttled", "mismatch");
      expect(await end(await create(document))).toMatch(reason);
    }
    cloud.jobs.disturb("silent");
    expect(await end(await create({ operation: "again" }))).toMatch(/^REJECTED unsupported/);
  });

  it("runs the handlers of the vehicle's list, and no other program", async () => {
    await vehicle();
    const run = (handler: string, ...args: readonly string[]) => ({
      version: "1.0",
      includeStdOut: true,
      steps: [
        { action: { name: "one", type: "runHandler", input: { handler, args, path: "default" }, runAsUser: "" } },
      ],
    });
    const greeted = await create(run("greet", "world"));
    expect(await end(greeted)).toBe("SUCCEEDED");
    expect(greeted.statusDetails).toEqual({ stdout: "world " });
    expect(await end(await create(run("greet", "world; reboot")))).toMatch(/^REJECTED unsafe: /);
    expect(await end(await create(run("/bin/sh", "-c", "reboot")))).toMatch(/^REJECTED unsafe: /);
  });

  it("gives an update up that is cancelled or has timed out while it waits, and takes the next job", async () => {
    await vehicle(NEVER);
    const cancelled = await create(otaDocument(RELEASES.works));
    await reaches(cancelled, "wait");
    expect(cancelled.statusDetails?.waitingFor).toContain("the vehicle's state");
    expect(await cloud.jobs.cancel(cancelled)).toBe(false);
    expect(await cloud.jobs.cancel(cancelled, true)).toBe(true);
    expect(await end(await create({ operation: "next" }))).toMatch(/^REJECTED/);

    const late = await create(otaDocument(RELEASES.works), 3000);
    await until(() => (late.status === "TIMED_OUT" ? true : undefined), { what: "time-out", timeoutMs: PATIENCE_MS });
    expect(await end(await create({ operation: "next" }))).toMatch(/^REJECTED/);
    expect(existsSync(current())).toBe(false);
    expect(existsSync(join(home.folder, "state/updates"))).toBe(true);
  });

  it("learns after a time without coverage, and after a restart, that a job has been cancelled meanwhile", async () => {
    const daemon = await vehicle(NEVER);
    const first = await create(otaDocument(RELEASES.works));
    await reaches(first, "wait");
    await proxy.cut();
    await cloud.jobs.cancel(first, true);
    await proxy.restore();
    expect(await end(await create({ operation: "next" }))).toMatch(/^REJECTED/);

    const second = await create(otaDocument(RELEASES.works));
    await reaches(second, "wait");
    await proxy.cut();
    process.kill(daemon.pid(), "SIGKILL");
    await cloud.jobs.cancel(second, true);
    await proxy.restore();
    expect(await end(await create({ operation: "next" }))).toMatch(/^REJECTED/);
    expect(daemon.log()).toContain('"event":"job.abandoned"');
    expect(existsSync(current())).toBe(false);
  });

  it("carries an execution on after the process was killed while it waited, without beginning it again", async () => {
    const daemon = await vehicle(NEVER);
    const job = await create(otaDocument(RELEASES.works));
    await reaches(job, "wait");
    const before = job.history.length;
    writeFileSync(home.config, readFileSync(home.config, "utf8").replace("1.0 < -1.0", "1.0 > -1.0"));
    process.kill(daemon.pid(), "SIGKILL");
    expect(await end(job)).toBe("SUCCEEDED");
    const phases = job.history.slice(before).map(({ details }) => details?.phase);
    expect(phases).not.toContain("download");
    expect(daemon.ends).toEqual(["SIGKILL", 75]);
    expect(existsSync(current())).toBe(true);
  });
});
