import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import type { Broker } from "../../../agent/ports/broker.ts";
import type { UpdatePhase } from "../../../agent/telemetry/record/encode/update-phase.ts";
import { createRecordReader } from "../../../agent/telemetry/record/read/record-reader.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import { createSession } from "../../bench/broker/mqtt-session.ts";
import { TcpProxy } from "../../bench/broker/tcp-proxy.ts";
import { writeIdentity } from "../../bench/cloud/certificate-authority.ts";
import { Consumers } from "../../bench/consumers/consumers.ts";
import { until } from "../../bench/core/wait.ts";
import { BenchView } from "../../bench/run/bench-view.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { bytesOf } from "../../fakes/daemon/cli-runner.ts";
import { type DaemonHome, runProgram } from "../../fakes/daemon/daemon.ts";
import { type SupervisedDaemon, superviseDaemon } from "../../fakes/daemon/supervised-daemon.ts";
import { type JobCloud, startJobCloud } from "../../fakes/updates/job-cloud.ts";
import { jobVehicleHome, otaDocument } from "../../fakes/updates/job-vehicle.ts";
import { RELEASES, ReleaseSigner } from "../../fakes/updates/release.ts";

const THING = "veh-1";
const PATIENCE_MS = 60_000;
const FORWARD = ["download", "verify", "wait", "install", "activate", "health-check", "commit", "done"];
const decoded = z.object({ stream: z.string(), body: z.object({ kind: z.string(), phase: z.string() }) });

let folder: string;
let cloud: JobCloud;
let proxy: TcpProxy;
let port: number;
let consumers: Consumers;
let session: Broker;
let releaseSigner: ReleaseSigner;
let home: DaemonHome;
/** Of the records that have come. */
const ids = new Set<string>();
let payloads: Uint8Array[];
let phases: UpdatePhase[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "causeway-phases-"));
  cloud = await startJobCloud(folder, [THING]);
  proxy = new TcpProxy({ host: "127.0.0.1", port: cloud.mosquitto.port });
  port = await proxy.start();
  const issued = await cloud.authority.issue({ commonName: "consumer", usage: "client" });
  const identity = writeIdentity(join(folder, "consumer"), "consumer", issued);
  session = createSession({
    clientId: "on-looker",
    identity: { mode: "file", ...identity },
    caFile: cloud.mosquitto.caFile,
    broker: { host: "localhost", port: cloud.mosquitto.port },
    log: new MemoryLog(),
  });
  session.start();
  await session.online(AbortSignal.timeout(10_000));
  const reader = createRecordReader(readDescriptor());
  await session.subscribe(`dt/causeway/${THING}/control`, ({ payload }) => {
    const { body, epoch, seq } = reader.decode(payload);
    // A record whose PUBACK did not reach the agent is sent again.
    if (body.kind !== "update-phase" || ids.has(`${epoch} ${seq}`)) return;
    ids.add(`${epoch} ${seq}`);
    payloads.push(payload);
    phases.push(body);
  });
  consumers = await startConsumers(identity);
});
beforeEach(() => {
  [payloads, phases] = [[], []];
  consumers.phases.clear();
  releaseSigner = new ReleaseSigner(mkdtempSync(join(folder, "desk-")));
});
afterAll(async () => {
  await consumers.stop();
  await session.stop();
  await proxy.stop();
  await cloud.stop();
  rmSync(folder, { recursive: true });
});

/** The bench's own consumer, in its process. */
async function startConsumers(identity: ReturnType<typeof writeIdentity>): Promise<Consumers> {
  const started = new Consumers();
  const config = {
    name: "consumer-1",
    host: "localhost",
    port: cloud.mosquitto.port,
    caFile: cloud.mosquitto.caFile,
    ...identity,
    thing: THING,
    descriptorFile: join(import.meta.dirname, "../../../config/proto/telemetry.desc"),
    dbcFile: join(import.meta.dirname, "../../../config/bench-vehicle.dbc"),
    seed: 1,
    rate: 1,
    thinned: [],
    repeats: false,
    watched: [],
  };
  const file = join(folder, "consumer.json");
  writeFileSync(file, JSON.stringify(config));
  mkdirSync(join(folder, "logs"));
  await started.start(config, file, join(folder, "logs"));
  return started;
}

async function vehicle(condition = "true"): Promise<SupervisedDaemon> {
  home = await jobVehicleHome(
    { cloud, port, folder, thing: THING, releaseSigner },
    {
      gate: { condition: { signals: {}, all: [condition] }, holdSeconds: 0 },
      healthCheck: { withinSeconds: 30, offlineSeconds: 1 },
    },
  );
  return await superviseDaemon(home);
}

/** A job for an update that the cloud's artifact server has. */
async function createJob(jobId: string, content: string): Promise<void> {
  const document = otaDocument(cloud, releaseSigner, content);
  await cloud.jobs.create({ jobId, thing: THING, document });
}

const reaches = (phase: string): Promise<true> =>
  until(() => (phases.some((told) => told.phase === phase) ? true : undefined), {
    what: `the phase ${phase} is told`,
    timeoutMs: PATIENCE_MS,
  });

/** The row of the bench's view once it shows `what`. */
async function viewShows(what: string): Promise<string> {
  const row = (): string | undefined => {
    let drawn = "";
    const write = (text: string): void => {
      drawn = stripVTControlCharacters(text);
    };
    const stdout = { write, isTerminal: false, columns: () => 80, rows: () => 24 };
    const terminal = { stdout, stderr: stdout, stdin: bytesOf("") };
    const view = new BenchView({ terminal, environment: {}, signal: new AbortController().signal });
    const bus = {
      bus: { kind: "vcan", interface: "none" } as const,
      label: "none",
      dropped: () => 0,
      unheard: () => 0,
    };
    const sender = { framesSent: () => 0, hasFinished: () => true, failure: () => undefined, begin: () => undefined };
    const parts = {
      consumers,
      bus: { ...bus, close: async () => undefined },
      sender: { ...sender, stop: async () => undefined },
    };
    view.draw({ parts, status: undefined, elapsedS: 1, agentStarts: 1, phase: "" });
    const line = drawn.split("\n").find((one) => one.trimStart().startsWith("update"));
    return line?.includes(what) === true ? line : undefined;
  };
  return await until(row, { what: `the view shows ${what}`, timeoutMs: PATIENCE_MS });
}

describe("the phases of an update, as the fleet sees them", { timeout: 180_000 }, () => {
  it("are kept without coverage, over the restart into the new version, and each comes once", async () => {
    await vehicle();
    const update = releaseSigner.make(RELEASES.works);
    await proxy.cut();
    const { code } = await runProgram(["ota", "install", update.path, "--config", home.config]);
    expect([code, phases]).toEqual([0, []]);
    await proxy.restore();
    await reaches("done");
    expect(phases.map(({ phase }) => phase)).toEqual(FORWARD);
    expect(phases.map(({ number, repeated }) => [number, repeated])).toEqual(FORWARD.map((_, at) => [at + 1, false]));
    expect(phases[1]).toMatchObject({
      component: "agent",
      versionFrom: "0.1.0",
      versionTo: "1.0.1",
      job: "",
      percent: 100,
    });
    expect(await viewShows("done")).toContain("agent 0.1.0 to 1.0.1: done   100 %");
    expect(consumers.mismatches).toBe(0);

    const file = join(folder, "phase.bin");
    writeFileSync(file, payloads[0] ?? "");
    const { stdout } = await runProgram(["records", "decode", "--records", file]);
    expect(decoded.parse(JSON.parse(stdout))).toEqual({
      stream: "control",
      body: { kind: "update-phase", phase: "download" },
    });
  });

  it("name the job, and why the old version is back", async () => {
    await vehicle();
    await createJob("job-bad", RELEASES.crashes);
    await reaches("failed");
    expect(phases.slice(-2)).toMatchObject(
      ["rollback", "failed"].map((phase) => ({
        phase,
        job: "job-bad",
        execution: 1,
        reason: "supervisor-rolled-back",
        detail: "3 starts",
      })),
    );
    expect(await viewShows("failed")).toMatch(/job job-bad {3}supervisor-rolled-back: 3 starts/);
  });

  it("are not told anew by a process that goes on after a kill", async () => {
    const daemon = await vehicle("1.0 < -1.0");
    await createJob("job-killed", RELEASES.works);
    await reaches("wait");
    writeFileSync(home.config, readFileSync(home.config, "utf8").replace("1.0 < -1.0", "1.0 > -1.0"));
    process.kill(daemon.pid(), "SIGKILL");
    await reaches("done");
    expect(phases.map(({ phase }) => phase)).toEqual(FORWARD);
    expect(phases.every(({ job, repeated }) => job === "job-killed" && !repeated)).toBe(true);
  });
});
