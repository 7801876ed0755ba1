import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { type Mosquitto, startMosquitto } from "../../bench/broker/mosquitto.ts";
import { RawMqtt } from "../../bench/broker/raw-mqtt.ts";
import { createAuthority, type RevokingAuthority, writeIdentity } from "../../bench/cloud/certificate-authority.ts";
import { startWorker, type WorkerProcess } from "../../bench/consumers/worker-process.ts";
import { until } from "../../bench/core/wait.ts";
import { FakeVehicle, VEHICLE } from "../../fakes/consumer/arrivals.ts";
import { type SessionRig, startSession } from "../../fakes/consumer/session-rig.ts";

/** mosquitto 2.0.11 sends as many more as the receive maximum for each PUBACK: these set it off. */
const NOTICES = 10;
/** These fill the hand of 40, however fast the store is: their table comes behind them. */
const SAMPLES_BEFORE_TABLE = 60;
const SAMPLES = 400;
const row = z.object({ seq: z.number(), signal: z.string().optional() });

describe("a worker whose session has a backlog", () => {
  let folder: string;
  let authority: RevokingAuthority;
  let mosquitto: Mosquitto;
  let files: Readonly<Record<string, unknown>>;
  const stops: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "causeway-backlog-"));
    authority = createAuthority(join(folder, "ca"));
    mosquitto = await startMosquitto({ folder: join(folder, "broker"), authority, things: [VEHICLE] });
    const issued = await authority.issue({ commonName: "consumer", usage: "client" });
    files = { caFile: authority.caFile, ...writeIdentity(folder, "consumer", issued) };
  });
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
  });
  afterAll(async () => {
    await mosquitto.stop();
    rmSync(folder, { recursive: true });
  });

  async function start(group: string, broker: Readonly<Record<string, unknown>>): Promise<WorkerProcess> {
    const sink = { kind: "folder", path: join(folder, group), format: "ndjson", rollSeconds: 1 };
    const reconnect = { minMs: 100, maxMs: 1000 };
    const settings = {
      broker: { host: "localhost", port: mosquitto.port, reconnect, receiveMaximum: 10, ...files, ...broker },
      group,
      sink,
    };
    const worker = await startWorker({ folder, slot: "0", settings });
    stops.push(async () => void (await worker.child.stop()));
    return worker;
  }

  async function publish(vehicle: FakeVehicle): Promise<void> {
    const { certificatePem, privateKeyPem = "" } = await authority.issue({ commonName: VEHICLE, usage: "client" });
    const ca = readFileSync(authority.caFile, "utf8");
    const client = await RawMqtt.connect({
      port: mosquitto.port,
      clientId: VEHICLE,
      ca,
      certificatePem,
      privateKeyPem,
    });
    const notices = Array.from({ length: NOTICES }, () => vehicle.notice());
    const samples = Array.from({ length: SAMPLES }, (_, at) => vehicle.samples(at));
    const records = [...notices, ...samples.toSpliced(SAMPLES_BEFORE_TABLE, 0, ...vehicle.tables())];
    await client.publish(
      records.map(({ topic, payload }) => ({
        topic,
        payload: Buffer.from(payload),
        qos: 1,
        retain: false,
        dup: false,
      })),
    );
    await client.close();
  }

  /** The seqs of the samples in the files, as often as they are there. */
  function seqs(group: string): number[] {
    const root = join(folder, group);
    return readdirSync(root, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ndjson") && !name.startsWith("."))
      .flatMap((name) => readFileSync(join(root, name), "utf8").trimEnd().split("\n"))
      .map((line) => row.parse(JSON.parse(line)))
      .filter(({ signal }) => signal === "Signal0")
      .map(({ seq }) => seq)
      .toSorted((one, other) => one - other);
  }

  const untilSo = (what: string, isSo: () => boolean | Promise<boolean>): Promise<true> =>
    until(async () => ((await isSo()) ? true : undefined), { what, timeoutMs: 20_000, everyMs: 20 });

  /** The worker's session without the worker. */
  const session = (group: string): SessionRig =>
    startSession({ port: mosquitto.port, clientId: `${group}-0`, group, settings: files }, stops);

  /** Resolves with the worker that has taken up the backlog, when all of it is in its store. */
  async function takeUp(group: string, broker: Readonly<Record<string, unknown>>): Promise<WorkerProcess> {
    const before = session(group);
    await before.ready();
    await before.session.stop(false);
    await publish(new FakeVehicle());
    const worker = await start(group, broker);
    const isWritten = async (): Promise<boolean> =>
      (await worker.metric("written_total")) === NOTICES + SAMPLES + 1 && (await worker.metric("in_hand")) === 0;
    await untilSo("all are written", isWritten);
    await untilSo("all are in files", async () => (await worker.metric("oldest_staged_seconds")) === 0);
    return worker;
  }

  /** That each is in the files once, and that the broker has nothing more for the session. */
  async function expectOnce(group: string, worker: WorkerProcess): Promise<void> {
    expect(await worker.child.stop()).toEqual({ code: 0, signal: undefined });
    expect(seqs(group)).toEqual(Array.from({ length: SAMPLES }, (_, at) => at + 1));
    const after = session(group);
    await after.ready();
    expect(await after.session.flush()).toBe(true);
    expect(after.arrivals).toEqual([]);
  }

  it("commits and acknowledges all of it, though the broker sends more than it may", async () => {
    const worker = await takeUp("at-once", {});
    expect(await worker.metric("connects_total")).toBe(1);
    expect(await worker.metric("overrun_total")).toBe(0);
    expect(await worker.metric("without_table_total")).toBe(0);
    await expectOnce("at-once", worker);
  });

  it("connects anew for what it had no room for, until it has all of it, and not once more", async () => {
    const worker = await takeUp("recalled", { aheadBytes: 0 });
    const recalls = (await worker.metric("recalls_total")) ?? 0;
    expect(recalls).toBeGreaterThan(0);
    expect(await worker.metric("overrun_total")).toBeGreaterThan(0);
    expect(await worker.metric("left_to_broker")).toBe(0);
    expect(await worker.metric("connects_total")).toBe(1 + recalls);
    const log = readFileSync(join(folder, "recalled-worker-0.log"), "utf8");
    expect(log.match(/consumer\.backlog-recalled/g)).toHaveLength(1);
    expect(log).not.toContain("consumer.disconnected");
    await expectOnce("recalled", worker);
  });
});
