import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createTopics } from "../../../agent/cloud/topics.ts";
import type { Broker } from "../../../agent/ports/broker.ts";
import type { Outbox, RecordDraft, StreamName } from "../../../agent/ports/outbox.ts";
import { Publisher } from "../../../agent/telemetry/publish/publisher.ts";
import { createRecordReader } from "../../../agent/telemetry/record/read/record-reader.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { openOutbox } from "../../../drivers/sqlite/outbox/outbox.ts";
import { type Mosquitto, startMosquitto } from "../../bench/broker/mosquitto.ts";
import { createSession } from "../../bench/broker/mqtt-session.ts";
import { TcpProxy } from "../../bench/broker/tcp-proxy.ts";
import { type Authority, createAuthority, writeIdentity } from "../../bench/cloud/certificate-authority.ts";
import { until } from "../../bench/core/wait.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { encoderOf, logOf } from "../../fakes/telemetry/samples.ts";
import { tableOf } from "../../fakes/telemetry/table.ts";

const THING = "veh-001";
const TOPICS = createTopics(
  {
    record: "dt/causeway/{thing}/{stream}",
    schema: "dt/causeway/{thing}/schema/{id}",
    presence: "dt/causeway/{thing}/presence",
    identity: "dt/causeway/{thing}/identity",
  },
  THING,
);
const clock = systemClock();

function draft(stream: StreamName, bytes: number): RecordDraft {
  return {
    stream,
    encoding: "identity",
    timeQuality: "ntp",
    lifeMs: undefined,
    retainKey: undefined,
    seal: () => new Uint8Array(bytes),
  };
}

function drafts(count: number, bytes: number): RecordDraft[] {
  return Array.from({ length: count }, () => draft("telemetry", bytes));
}

describe("publishing from the outbox on disk to mosquitto", () => {
  let folder: string;
  let authority: Authority;
  let mosquitto: Mosquitto;
  let proxy: TcpProxy;
  let proxyPort: number;
  let consumer: Broker;
  let outbox: Outbox;
  /** Ids in the order of their arrival, repeats included. */
  const arrived: string[] = [];
  const messages: { readonly seq: number; readonly payload: Uint8Array; readonly contentType: string | undefined }[] =
    [];
  const running: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "causeway-publish-"));
    authority = createAuthority(join(folder, "ca"));
    mosquitto = await startMosquitto({ folder: join(folder, "broker"), authority, things: [THING] });
    proxy = new TcpProxy({ host: "127.0.0.1", port: mosquitto.port });
    proxyPort = await proxy.start();
    consumer = await sessionAs("consumer", mosquitto.port);
    consumer.start();
    await consumer.online(AbortSignal.timeout(10_000));
    await consumer.subscribe("dt/causeway/+/+", ({ userProperties, payload, contentType }) => {
      const value = (name: string): string => userProperties.find(([key]) => key === name)?.[1] ?? "";
      arrived.push(`${value("epoch")}/${value("stream")}/${value("seq")}`);
      messages.push({ seq: Number(value("seq")), payload: payload.slice(), contentType });
    });
  });
  beforeEach(async () => {
    arrived.length = 0;
    messages.length = 0;
    outbox = openOutbox({
      file: join(await mkdtemp(join(folder, "outbox-")), "outbox.db"),
      maxBytes: 100_000_000,
      clock,
      log: new MemoryLog(),
    }).outbox;
  });
  afterEach(async () => {
    await proxy.restore();
    await Promise.all(running.splice(0).map((stop) => stop()));
    outbox.close();
  });
  afterAll(async () => {
    await consumer.stop();
    await proxy.stop();
    await mosquitto.stop();
    await rm(folder, { recursive: true });
  });

  async function sessionAs(commonName: string, port: number): Promise<Broker> {
    const files = writeIdentity(
      join(folder, "identities"),
      commonName,
      await authority.issue({ commonName, usage: "client" }),
    );
    return createSession({
      clientId: commonName,
      identity: { mode: "file", ...files },
      caFile: mosquitto.caFile,
      broker: { host: "localhost", port, ackTimeoutSeconds: 5 },
      log: new MemoryLog(),
    });
  }

  async function startPublisher(): Promise<{ publisher: Publisher; stop: () => Promise<void> }> {
    const broker = await sessionAs(THING, proxyPort);
    const publisher = new Publisher({
      outbox,
      broker,
      topics: TOPICS,
      settings: {
        inFlight: 32,
        backlogBytes: 262_144,
        refusalAttempts: 200,
        disconnectAttempts: 3,
        maxGapMs: 0,
        startedAtMs: clock.monotonicMs(),
      },
      lossDraft: () => draft("event", 10),
      clock,
      log: new MemoryLog(),
      random: Math.random,
    });
    const stopping = new AbortController();
    const ended = publisher.run(stopping.signal);
    broker.start();
    const stop = async (): Promise<void> => {
      stopping.abort();
      await broker.stop();
      await ended;
    };
    running.push(stop);
    return { publisher, stop };
  }

  const drained = (): Promise<true> =>
    until(() => (outbox.stats().records === 0 ? true : undefined), { what: "an empty outbox", timeoutMs: 20_000 });

  it("brings a record in JSON as it was stored, with its content type, beside one in protobuf", async () => {
    const table = tableOf([{ name: "Door", signals: [{ name: "Open", unit: "°" }] }]);
    const log = logOf(table, [{ signal: 0, timeUs: 1_767_225_600_000_000, raw: 45 }]);
    const campaign = { id: "doors", version: 1, digest: "0123456789abcdef" };
    const lanes = (["json", "rows"] as const).map((form) =>
      encoderOf(table).lane({ schema: table, campaign, stream: "event", form }),
    );
    outbox.append(lanes.flatMap((lane) => lane.encode(log, [])));
    await startPublisher();
    await drained();
    await until(() => (messages.length === 2 ? true : undefined), { what: "both records", timeoutMs: 20_000 });
    const [json, rows] = messages.toSorted((a, b) => a.seq - b.seq);
    expect([json.contentType, rows.contentType]).toEqual(["application/json", "application/x-protobuf"]);
    const row = { name: "Door.Open", bus: "can0", number: 45, unit: "°", timeUs: 1_767_225_600_000_000 };
    const document: unknown = JSON.parse(new TextDecoder().decode(json.payload));
    expect(document).toMatchObject({ seq: 1, rows: { campaign, rows: [row] } });
    const reader = createRecordReader(readDescriptor());
    expect(reader.decode(json.payload).body).toEqual(reader.decode(rows.payload).body);
  });

  it("delivers every record across cuts of the link, and forgets none before its PUBACK", async () => {
    const { publisher } = await startPublisher();
    const { epoch } = outbox.stats();
    for (let round = 0; round < 4; round++) {
      outbox.append(drafts(100, 8000));
      publisher.wake();
      const before = arrived.length;
      await until(() => (arrived.length > before ? true : undefined), {
        what: "arrivals",
        timeoutMs: 20_000,
        everyMs: 1,
      });
      await proxy.cut();
      outbox.append(drafts(20, 8000));
      publisher.wake();
      await proxy.restore();
    }
    await drained();
    const expected = Array.from({ length: 480 }, (_, index) => `${epoch}/telemetry/${index + 1}`);
    expect([...new Set(arrived)].toSorted()).toEqual(expected.toSorted());
    expect(publisher.counters()).toMatchObject({ delivered: 480, inFlight: 0, refused: 0 });
  });

  it("delivers the rest after an end in the middle and a new start", async () => {
    outbox.append(drafts(300, 4000));
    const first = await startPublisher();
    await until(() => (arrived.length > 20 ? true : undefined), { what: "arrivals", timeoutMs: 20_000, everyMs: 1 });
    await first.stop();
    await startPublisher();
    await drained();
    expect(new Set(arrived).size).toBe(300);
  });

  it("delivers fresh records at once while a backlog drains over a slow link", async () => {
    outbox.append(drafts(600, 4000));
    proxy.latency(20);
    const { publisher } = await startPublisher();
    await until(() => (arrived.length > 0 ? true : undefined), { what: "the backlog's first", timeoutMs: 20_000 });
    const delaysMs: number[] = [];
    for (let index = 0; index < 10; index++) {
      const [id] = outbox.append([draft("capture", 500)]);
      const start = performance.now();
      publisher.wake();
      const key = `${id.epoch}/capture/${id.seq}`;
      await until(() => (arrived.includes(key) ? true : undefined), { what: key, timeoutMs: 20_000, everyMs: 2 });
      delaysMs.push(performance.now() - start);
    }
    expect(outbox.stats().streams.telemetry.records).toBeGreaterThan(0);
    // The way to the broker alone takes 20 ms; a record of the lowest class that queued behind the backlog would take a second.
    expect(delaysMs.toSorted((a, b) => a - b)[5]).toBeLessThan(150);
    await drained();
  });
});
