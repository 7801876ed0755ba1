import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { TcpProxy } from "../../bench/broker/tcp-proxy.ts";
import type { CloudExecution } from "../../bench/cloud/job-executions.ts";
import { until } from "../../bench/core/wait.ts";
import { type DaemonHome, runProgram } from "../../fakes/daemon/daemon.ts";
import { type SupervisedDaemon, superviseDaemon } from "../../fakes/daemon/supervised-daemon.ts";
import { type JobCloud, startJobCloud } from "../../fakes/updates/job-cloud.ts";
import { otaDocument as documentOf, jobVehicleHome } from "../../fakes/updates/job-vehicle.ts";
import { RELEASES, ReleaseSigner } from "../../fakes/updates/release.ts";

const THING = "veh-1";
const PATIENCE_MS = 60_000;
const NEVER = { signals: {}, all: ["1.0 < -1.0"] };

let folder: string;
let cloud: JobCloud;
let proxy: TcpProxy;
let port: number;
let home: DaemonHome;
let releaseSigner: ReleaseSigner;
let lastJob = 0;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "causeway-jobs-"));
  cloud = await startJobCloud(folder, [THING]);
  proxy = new TcpProxy({ host: "127.0.0.1", port: cloud.mosquitto.port });
  port = await proxy.start();
});
beforeEach(() => {
  releaseSigner = new ReleaseSigner(join(folder, `desk-${lastJob}`));
});
afterEach(() => proxy.restore());
afterAll(async () => {
  await proxy.stop();
  await cloud.stop();
  rmSync(folder, { recursive: true });
});

async function vehicle(
  condition: unknown = { signals: {}, all: ["true"] },
  { jobs = {}, metered = {} } = {},
): Promise<SupervisedDaemon> {
  home = await jobVehicleHome(
    { cloud, port, folder, thing: THING, releaseSigner },
    {
      gate: { condition, holdSeconds: 0 },
      download: { caFile: cloud.authority.caFile, metered },
      jobs: { reportSeconds: 1, handlers: [{ name: "greet", program: "/bin/echo", arguments: ["[a-z]+"] }], ...jobs },
    },
  );
  return await superviseDaemon(home);
}

/** A job document for an update that the cloud's artifact server has. */
const otaDocument = (content: string, changes: Readonly<Record<string, unknown>> = {}): object => ({
  ...documentOf(cloud, releaseSigner, content),
  ...changes,
});

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

  it("downloads nothing while the way to the broker leads over a metered link, and tells which", async () => {
    const daemon = await vehicle(undefined, { metered: { interfaces: ["lo"] } });
    const job = await create(otaDocument(RELEASES.works));
    await until(() => job.statusDetails?.waitingFor, { what: "what it waits for", timeoutMs: PATIENCE_MS });
    expect(job.statusDetails).toMatchObject({
      phase: "download",
      waitingFor: "another link than lo, which is metered",
    });
    expect(daemon.log()).not.toContain('"event":"download.');
    writeFileSync(home.config, readFileSync(home.config, "utf8").replace("- lo\n", "- wwan0\n"));
    process.kill(daemon.pid(), "SIGKILL");
    expect(await end(job)).toBe("SUCCEEDED");
    expect(daemon.log()).toContain('"event":"download.completed"');
  });

  it("says FAILED, and runs the old version, after a new one that crashes", async () => {
    const daemon = await vehicle();
    const job = await create(otaDocument(RELEASES.crashes));
    expect(await end(job)).toBe("FAILED supervisor-rolled-back: 3 starts");
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

  it("collects a support bundle, and leaves it as records for the cloud to put together", async () => {
    await vehicle();
    const job = await create({ version: "1.0", operation: "diagnostics" });
    expect(await end(job)).toBe("SUCCEEDED");
    const { sha256 = "", records = "", bytes = "" } = job.statusDetails ?? {};
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    expect([Number(records), Number(bytes)].every((count) => count > 0)).toBe(true);
    expect(await end(await create({ version: "1.0", operation: "diagnostics", path: "/etc" }))).toMatch(
      /^REJECTED malformed: /,
    );
  });

  it("takes new settings into use whole, keeps them over restarts, and refuses others with the place of the mistake", async () => {
    const daemon = await vehicle();
    const settings = (config: unknown): object => ({ version: "1.0", operation: "config", config });
    expect(await end(await create(settings({ collect: { batchMs: 500 } })))).toBe("SUCCEEDED");
    expect(daemon.ends).toEqual([75]);
    process.kill(daemon.pid(), "SIGKILL");
    expect(await end(await create(settings({ collect: { batchMs: 500 } })))).toBe("SUCCEEDED in force already");
    const cases: readonly (readonly [config: unknown, reason: RegExp])[] = [
      [{ collect: { batchMs: 500, rules: "all" } }, /^REJECTED invalid: .*settings\.yaml:\d+:\d+ collect\.rules/],
      [{ log: { level: "debug" }, ota: { reboot: true } }, /^REJECTED invalid: .* only the vehicle's own files/],
      [{ dbc: [{ file: "/etc/shadow" }] }, /^REJECTED invalid: .* dbc: only the vehicle's own files/],
      [["collect"], /^REJECTED malformed: config/],
    ];
    for (const [config, reason] of cases) expect(await end(await create(settings(config)))).toMatch(reason);
    expect(daemon.ends).toEqual([75, "SIGKILL"]);
    const held = join(home.folder, "state/settings");
    expect(readFileSync(join(held, "current/agent.d/settings.yaml"), "utf8")).toContain('"batchMs": 500');
    expect(readdirSync(held)).toHaveLength(2);
  });

  it("sets nothing by a job where the vehicle asks for a signature, and leaves what an earlier one has set", async () => {
    const daemon = await vehicle();
    const settings = { version: "1.0", operation: "config", config: { collect: { batchMs: 500 } } };
    expect(await end(await create(settings))).toBe("SUCCEEDED");
    const config = readFileSync(home.config, "utf8");
    writeFileSync(home.config, config.replace("  jobs:\n", "  jobs:\n    settings: [log]\n"));
    process.kill(daemon.pid(), "SIGKILL");
    await until(() => (/"config.layer-refused".*collect: only/.test(daemon.log()) ? true : undefined), {
      what: "the settings are refused",
      timeoutMs: PATIENCE_MS,
    });
    expect(await end(await create(settings))).toMatch(/^REJECTED invalid: .* collect: only the vehicle's own files/);
    expect(await end(await create({ ...settings, config: { log: { level: "warn" } } }))).toBe("SUCCEEDED");
  });

  it("shows the technician what the cloud wants, judges documents without acting, and gives a job up", async () => {
    await vehicle(NEVER);
    const jobs = (...args: readonly string[]) => runProgram(["jobs", ...args, "--config", home.config]);
    expect((await jobs("list")).code).toBe(2);
    expect((await jobs("show")).code).toBe(2);
    const first = await create(otaDocument(RELEASES.works));
    const second = await create({ operation: "later" });
    await reaches(first, "wait");
    const listed = await jobs("list", "--json");
    expect(listed.stdout.split("\n").map((line): unknown => JSON.parse(line))).toMatchObject([
      { jobId: first.jobId, status: "IN_PROGRESS" },
      { jobId: second.jobId, status: "QUEUED" },
    ]);
    expect((await jobs("show")).stdout).toMatch(/IN_PROGRESS\n {2}phase = wait[^]*waitingFor = the vehicle's state/);
    expect((await jobs("show", second.jobId)).stdout).toBe(`${second.jobId} execution 1: QUEUED`);

    const file = join(folder, "document.json");
    const judge = async (document: unknown): Promise<readonly [number | undefined, string]> => {
      writeFileSync(file, JSON.stringify(document));
      const { code, stdout } = await jobs("run", "--dry-run", file);
      return [code, stdout];
    };
    const config = { version: "1.0", operation: "config", config: { collect: { batchMs: 500 } } };
    expect(await judge(config)).toEqual([0, "config would be carried out"]);
    expect(await judge({ ...config, config: { collect: { batchMs: 1 } } })).toEqual([
      1,
      expect.stringContaining("batchMs"),
    ]);
    expect(await judge(otaDocument(RELEASES.works, { artifacts: {} }))).toEqual([0, "ota would be carried out"]);
    expect(await judge({ operation: "mine-coins" })).toEqual([1, expect.stringContaining("unsupported")]);
    expect(readdirSync(join(home.folder, "state/settings"))).toEqual([]);

    expect(await jobs("cancel")).toMatchObject({ code: 0, stdout: `${first.jobId} is given up` });
    expect(await end(first)).toBe("FAILED cancelled: by causeway jobs cancel");
    expect(await end(second)).toMatch(/^REJECTED/);
    expect((await jobs("cancel")).code).toBe(2);
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

  it("gives an update up whose step timer has ended, and takes the next job", async () => {
    // The cloud's minutes are short, and the vehicle's are not: it reports again too late.
    const daemon = await vehicle(NEVER, { jobs: { stepTimeoutMinutes: 1 } });
    const late = await create(otaDocument(RELEASES.works));
    await reaches(late, "wait");
    await until(() => (late.status === "TIMED_OUT" ? true : undefined), { what: "time-out", timeoutMs: PATIENCE_MS });
    expect(await end(await create({ operation: "next" }))).toMatch(/^REJECTED/);
    expect(daemon.log()).toMatch(/"step":"failed".*"reason":"timed-out"/);
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
