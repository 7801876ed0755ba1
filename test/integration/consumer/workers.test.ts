import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { createTopics } from "../../../agent/cloud/topics.ts";
import { openFolderSink } from "../../../agent/consumer/folder/folder-sink.ts";
import { folderSettings } from "../../../agent/consumer/folder/settings.ts";
import type { Broker } from "../../../agent/ports/broker.ts";
import type { Outbox } from "../../../agent/ports/outbox.ts";
import { Publisher } from "../../../agent/telemetry/publish/publisher.ts";
import { publicationOf } from "../../../agent/telemetry/publish/record-publication.ts";
import { createRecordReader } from "../../../agent/telemetry/record/read/record-reader.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { openOutbox } from "../../../drivers/sqlite/outbox/outbox.ts";
import { type Mosquitto, startMosquitto } from "../../bench/broker/mosquitto.ts";
import { createSession } from "../../bench/broker/mqtt-session.ts";
import { TcpProxy } from "../../bench/broker/tcp-proxy.ts";
import { type Authority, createAuthority, writeIdentity } from "../../bench/cloud/certificate-authority.ts";
import { startWorker, type WorkerProcess, type WorkerRequest } from "../../bench/consumers/worker-process.ts";
import { until } from "../../bench/core/wait.ts";
import { FakeVehicle, VEHICLE } from "../../fakes/consumer/arrivals.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { TEMPLATES } from "../../fakes/telemetry/publisher.ts";

const TOPICS = createTopics(TEMPLATES, VEHICLE);
const PATIENCE = { timeoutMs: 40_000, everyMs: 20 };
const clock = systemClock();
const row = z.object({
  epoch: z.number(),
  stream: z.string(),
  seq: z.number(),
  signal: z.string().optional(),
  kind: z.string().optional(),
  body: z.string().optional(),
});
type Row = z.infer<typeof row>;
const foreignBody = z.object({ topic: z.string(), payload: z.string() });

describe("workers of the cloud side", () => {
  let folder: string;
  let authority: Authority;
  let mosquitto: Mosquitto;
  let proxy: TcpProxy;
  let proxyPort: number;
  let files: Readonly<Record<string, unknown>>;
  const stops: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "causeway-workers-"));
    authority = createAuthority(join(folder, "ca"));
    mosquitto = await startMosquitto({ folder: join(folder, "broker"), authority, things: [VEHICLE] });
    proxy = new TcpProxy({ host: "127.0.0.1", port: mosquitto.port });
    proxyPort = await proxy.start();
    files = { caFile: authority.caFile, ...(await identity("consumer")) };
  });
  afterEach(async () => {
    await proxy.restore();
    for (const stop of stops.splice(0).toReversed()) await stop();
  });
  afterAll(async () => {
    await proxy.stop();
    await mosquitto.stop();
    rmSync(folder, { recursive: true });
  });

  async function identity(commonName: string): Promise<{ readonly certificateFile: string; readonly keyFile: string }> {
    return writeIdentity(
      join(folder, "identities"),
      commonName,
      await authority.issue({ commonName, usage: "client" }),
    );
  }

  /** An outbox on disk and its publisher, as in a vehicle. */
  async function startVehicle(
    name: string,
  ): Promise<{ readonly outbox: Outbox; readonly publisher: Publisher; readonly broker: Broker }> {
    const log = new MemoryLog();
    const { outbox } = openOutbox({ file: join(folder, `${name}.db`), maxBytes: 100_000_000, clock, log });
    const broker = createSession({
      clientId: VEHICLE,
      identity: { mode: "file", ...(await identity(VEHICLE)) },
      caFile: mosquitto.caFile,
      broker: { host: "localhost", port: proxyPort, ackTimeoutSeconds: 5 },
      log,
    });
    const settings = {
      inFlight: 32,
      backlogBytes: 262_144,
      refusalAttempts: 200,
      disconnectAttempts: 3,
      maxGapMs: 0,
      startedAtMs: 0,
    };
    const lossDraft = (): never => {
      throw new Error("nothing is lost here");
    };
    const publisher = new Publisher({
      outbox,
      broker,
      topics: TOPICS,
      settings,
      lossDraft,
      clock,
      log,
      random: () => 0.5,
    });
    const stopping = new AbortController();
    const ended = publisher.run(stopping.signal);
    broker.start();
    stops.push(async () => {
      stopping.abort();
      await broker.stop();
      await ended;
      outbox.close();
    });
    return { outbox, publisher, broker };
  }

  function settingsOf(group: string, more: Readonly<Record<string, unknown>> = {}): WorkerRequest["settings"] {
    const sink = { kind: "folder", path: join(folder, group), format: "ndjson", rollSeconds: 1 };
    return {
      broker: { host: "localhost", port: mosquitto.port, reconnect: { minMs: 100, maxMs: 1000 }, ...files },
      sink,
      ...more,
      group,
    };
  }

  /** A vehicle with a signal table; `append` puts so many records of samples into its outbox. */
  async function startSampling(group: string) {
    const { outbox, publisher } = await startVehicle(group);
    const vehicle = new FakeVehicle();
    outbox.append(vehicle.encoder.table());
    const append = (count: number): void => {
      for (let at = 0; at < count; at++) outbox.append(vehicle.sampleDrafts(at));
      publisher.wake();
    };
    return { outbox, append };
  }

  async function start(slot: string, settings: WorkerRequest["settings"]): Promise<WorkerProcess> {
    const worker = await startWorker({ folder, slot, settings });
    stops.push(() => worker.child.stop());
    return worker;
  }

  const untilSo = (what: string, isSo: () => boolean | Promise<boolean>): Promise<true> =>
    until(async () => ((await isSo()) ? true : undefined), { what, ...PATIENCE });

  function rowsOf(group: string, { epoch }: { readonly epoch: number }): Row[] {
    const root = join(folder, group);
    return readdirSync(root, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ndjson") && !name.startsWith("."))
      .flatMap((name) => readFileSync(join(root, name), "utf8").trimEnd().split("\n"))
      .map((line) => row.parse(JSON.parse(line)))
      .filter((one) => one.epoch === epoch);
  }

  /** "stream/seq/signal" of each sample and "stream/seq" of each other record of an epoch, as the files have them. */
  function rows(group: string, of: { readonly epoch: number }): string[] {
    return rowsOf(group, of).map(({ stream, seq, signal }) =>
      [stream, seq, signal].filter((part) => part !== undefined).join("/"),
    );
  }

  /** Gaps of the store, and the highest seq of each stream that it knows, after all workers have ended. */
  async function storeOf(group: string): Promise<{ readonly gaps: number }> {
    const settings = folderSettings.parse({
      kind: "folder",
      path: join(folder, group),
      format: "ndjson",
      rollSeconds: 1,
    });
    const sink = await openFolderSink(settings, {
      clock,
      log: new MemoryLog(),
      reader: createRecordReader(readDescriptor()),
    });
    let gaps = 0;
    for await (const { first, last } of sink.gaps(clock.wallUs(), 0)) gaps += last - first + 1;
    await untilSo("all is in files", () => sink.status().oldestStagedUs === undefined);
    await sink.close();
    return { gaps };
  }

  it("put each record once into the store, while one is killed again and again and records come twice", async () => {
    const group = "killed";
    const settings = settingsOf(group);
    const first = await start("0", settings);
    let second = await start("1", settings);
    const { outbox, publisher, broker } = await startVehicle(group);
    const vehicle = new FakeVehicle(1024);
    outbox.append([...vehicle.encoder.table(), ...vehicle.sampleDrafts(0)]);
    const [repeat] = outbox.read("telemetry", 0, outbox.lastRow(), 1, 1e9);
    const samples = 1200;
    for (let at = 1; at < samples; at += 50) {
      for (let one = at; one < Math.min(at + 50, samples); one++) outbox.append(vehicle.sampleDrafts(one));
      publisher.wake();
      if (at % 300 === 151) {
        second.child.signal("SIGKILL");
        await second.child.ended;
        await proxy.cut();
        second = await start("1", settings);
        await proxy.restore();
      }
    }
    await untilSo("an empty outbox", () => outbox.stats().records === 0);
    const written = async (): Promise<number> =>
      ((await first.metric("written_total")) ?? 0) + ((await second.metric("written_total")) ?? 0);
    await untilSo(
      "nothing is in hand",
      async () => (await first.metric("in_hand")) === 0 && (await second.metric("in_hand")) === 0,
    );
    // A record again that the broker has said nothing of, as after a PUBACK that was lost.
    for (let at = 0; at < 20; at++) {
      expect(await broker.publish(publicationOf(repeat, TOPICS, undefined, true))).toEqual({ kind: "acked" });
    }
    const repeats = async (): Promise<number> =>
      ((await first.metric("repeats_total")) ?? 0) + ((await second.metric("repeats_total")) ?? 0);
    await untilSo("the repeats", async () => (await repeats()) >= 20);
    expect(await written()).toBeGreaterThan(0);
    const ends = await Promise.all([first, second].map(({ child }) => child.stop()));
    expect(ends).toEqual([
      { code: 0, signal: undefined },
      { code: 0, signal: undefined },
    ]);
    expect((await storeOf(group)).gaps).toBe(0);
    const found = rows(group, outbox.stats());
    const { streams } = outbox.stats();
    expect(streams.telemetry.lastSeq).toBe(samples);
    const expected = Array.from({ length: samples }, (_, at) =>
      [0, 1].map((signal) => `telemetry/${at + 1}/Signal${signal}`),
    ).flat();
    expect(found.filter((row) => row.startsWith("telemetry")).toSorted()).toEqual(expected.toSorted());
    expect(new Set(found).size).toBe(found.length);
  });

  it("end at SIGTERM with all that they took committed and acknowledged, and go on where they ended", async () => {
    const group = "stopped";
    const settings = settingsOf(group);
    const first = await start("0", settings);
    const { outbox, append } = await startSampling(group);
    append(300);
    await untilSo("some are written", async () => ((await first.metric("written_total")) ?? 0) > 20);
    first.child.signal("SIGTERM");
    append(100);
    expect(await first.child.ended).toEqual({ code: 0, signal: undefined });
    const second = await start("0", settings);
    append(100);
    await untilSo("an empty outbox", () => outbox.stats().records === 0);
    await untilSo("nothing is in hand", async () => (await second.metric("in_hand")) === 0);
    // What the first has acknowledged does not come again: at most what it had not taken.
    expect(await second.metric("repeats_total")).toBe(0);
    expect(await second.child.stop()).toEqual({ code: 0, signal: undefined });
    expect((await storeOf(group)).gaps).toBe(0);
    expect(new Set(rows(group, outbox.stats()).filter((row) => row.startsWith("telemetry"))).size).toBe(2 * 500);
    expect(rows(group, outbox.stats())).toHaveLength(new Set(rows(group, outbox.stats())).size);
  });

  it("count the records in the form of another cloud where they are told its topics; one that is not takes them for gaps", async () => {
    const groups = ["foreign", "deaf"];
    const topicOf = (thing: string, at: number): string =>
      `cms/fleetwise/vehicles/${thing}/${at % 2 === 0 ? "signals" : "last_known_states/data"}`;
    const topics = { foreign: [0, 1].map((at) => topicOf("{thing}", at)) };
    const told = await start("0", settingsOf("foreign", { topics }));
    const deaf = await start("0", settingsOf("deaf"));
    const { outbox, publisher } = await startVehicle("foreign");
    const vehicle = new FakeVehicle();
    outbox.append(vehicle.encoder.table());
    const count = 100;
    const payloads = Array.from({ length: count }, () => randomBytes(200));
    payloads.forEach((payload, at) => {
      outbox.append(vehicle.sampleDrafts(at));
      const route = topicOf(VEHICLE, at);
      const plain = { encoding: "identity", timeQuality: "ntp", lifeMs: undefined, retainKey: undefined } as const;
      outbox.append([{ ...plain, stream: "telemetry", route, seal: () => payload }]);
      publisher.wake();
    });
    await untilSo("an empty outbox", () => outbox.stats().records === 0);
    for (const worker of [told, deaf]) {
      await untilSo("nothing is in hand", async () => (await worker.metric("in_hand")) === 0);
    }
    await untilSo("all are written", async () => ((await deaf.metric("written_total")) ?? 0) > count);
    await untilSo("all are written", async () => ((await told.metric("written_total")) ?? 0) > 2 * count);
    expect(await told.metric("refused_total")).toBeUndefined();
    for (const worker of [told, deaf]) expect(await worker.child.stop()).toEqual({ code: 0, signal: undefined });
    const gaps = await Promise.all(groups.map(async (group) => (await storeOf(group)).gaps));
    // The last of them stands above all that came.
    expect(gaps).toEqual([0, count - 1]);
    const foreign = rowsOf("foreign", outbox.stats()).filter(({ kind }) => kind === "foreign");
    expect(foreign.map(({ seq }) => seq).toSorted((a, b) => a - b)).toEqual(payloads.map((_, at) => 2 * at + 2));
    for (const { seq, body = "" } of foreign) {
      const at = seq / 2 - 1;
      expect(foreignBody.parse(JSON.parse(body))).toEqual({
        topic: topicOf(VEHICLE, at),
        payload: payloads[at]?.toString("base64"),
      });
    }
    expect(rowsOf("deaf", outbox.stats()).filter(({ kind }) => kind === "foreign")).toEqual([]);
  });

  it("hold everything while the store takes nothing, say so, and lose nothing of it", async () => {
    const group = "full";
    const sink = {
      kind: "folder",
      path: join(folder, group),
      format: "ndjson",
      rollSeconds: 86_400,
      maxStagedBytes: 1_000_000,
    };
    const first = await start("0", settingsOf(group, { sink, stopSeconds: 2, batch: { count: 2 } }));
    const { outbox, publisher } = await startVehicle(group);
    const vehicle = new FakeVehicle();
    outbox.append(vehicle.encoder.table());
    const content = randomBytes(2_000_000);
    outbox.append(vehicle.encoder.file({ name: "bundle", sha256: "0".repeat(64), content }));
    publisher.wake();
    await untilSo("the store is full", async () => ((await first.metric("commit_failures_in_a_row")) ?? 0) >= 3);
    expect(await first.metric("oldest_unacknowledged_seconds")).toBeGreaterThan(0);
    expect(await first.child.stop()).toEqual({ code: 75, signal: undefined });
    const second = await start("0", settingsOf(group));
    await untilSo("an empty outbox", () => outbox.stats().records === 0);
    await untilSo("all are written", async () => (await second.metric("in_hand")) === 0);
    expect(await second.child.stop()).toEqual({ code: 0, signal: undefined });
    expect((await storeOf(group)).gaps).toBe(0);
    expect(rows(group, outbox.stats())).toHaveLength(
      vehicle.encoder.file({ name: "bundle", sha256: "0".repeat(64), content }).length + 1,
    );
  });

  it("give up their share when they leave, so that the others have all of it", async () => {
    const group = "leaving";
    const settings = settingsOf(group, { leaves: true });
    const leaving = await start("0", settings);
    const staying = await start("1", settings);
    const { outbox, append } = await startSampling(group);
    append(100);
    await untilSo("both work", async () => ((await leaving.metric("written_total")) ?? 0) > 5);
    leaving.child.signal("SIGTERM");
    append(100);
    expect(await leaving.child.ended).toEqual({ code: 0, signal: undefined });
    append(100);
    await untilSo("an empty outbox", () => outbox.stats().records === 0);
    await untilSo("nothing is in hand", async () => (await staying.metric("in_hand")) === 0);
    const last = "telemetry/300/Signal1";
    await untilSo("the last is in a file", () => rows(group, outbox.stats()).includes(last));
    expect(await staying.child.stop()).toEqual({ code: 0, signal: undefined });
    expect((await storeOf(group)).gaps).toBe(0);
    expect(new Set(rows(group, outbox.stats()).filter((row) => row.startsWith("telemetry"))).size).toBe(2 * 300);
  });
});
