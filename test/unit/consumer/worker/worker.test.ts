import { describe, expect, it } from "vitest";
import type { RefusedArrival } from "../../../../agent/consumer/intake/refused-folder.ts";
import { createTopicReader } from "../../../../agent/consumer/intake/topics.ts";
import { Worker, type WorkerSettings } from "../../../../agent/consumer/worker/worker.ts";
import { AgentError } from "../../../../agent/core/errors.ts";
import { createRecordReader } from "../../../../agent/telemetry/record/read/record-reader.ts";
import { readDescriptor } from "../../../../config/proto/descriptor.ts";
import { arrivalOf, FakeVehicle, VEHICLE, type WatchedArrival } from "../../../fakes/consumer/arrivals.ts";
import { type MemoryBehaviour, MemorySink, MemoryStore } from "../../../fakes/consumer/memory-sink.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";

const SETTINGS = {
  batch: { count: 10, bytes: 1_000_000, ageMs: 100 },
  backoff: { minMs: 100, maxMs: 1000 },
  tables: { waitMs: 5000, maxSignals: 10_000 },
  maxInHand: 40,
  maxWaitingBytes: 1_000_000,
};
const topics = createTopicReader({ record: "dt/causeway/{thing}/{stream}", schema: "dt/causeway/{thing}/schema/{id}" });
const plain = createRecordReader(readDescriptor());

function rig(behaviour: MemoryBehaviour = {}, store = new MemoryStore(), settings: Partial<WorkerSettings> = {}) {
  const clock = new ManualClock();
  const log = new MemoryLog();
  const kept: RefusedArrival[] = [];
  const asked: string[] = [];
  const faults: AgentError[] = [];
  const read = async (payload: Uint8Array) => {
    const fault = faults.shift();
    if (fault !== undefined) throw fault;
    return { record: plain.decode(payload), payload };
  };
  const worker = new Worker({
    settings: { ...SETTINGS, ...settings },
    intake: { topics, reader: { read }, clock },
    sink: new MemorySink(store, behaviour),
    refused: {
      keep: async (arrival) => {
        kept.push(arrival);
        return true;
      },
    },
    askFor: (topic) => void asked.push(topic),
    clock,
    log,
    random: () => 0.5,
  });
  const stopping = new AbortController();
  const ended = worker.run(stopping.signal);
  const take = (...arrivals: readonly WatchedArrival[]): void => {
    for (const arrival of arrivals) worker.take(arrival);
  };
  const stop = async (): Promise<void> => {
    stopping.abort();
    await ended;
  };
  return { clock, worker, store, kept, asked, faults, log, take, stop, ended };
}

const counts = (arrivals: readonly WatchedArrival[]): number[] => arrivals.map(({ acknowledged }) => acknowledged());

describe("Worker", () => {
  it("acknowledges a record when it is in the sink, with its table, and a repeat of it too", async () => {
    const { clock, worker, store, take, stop } = rig();
    const vehicle = new FakeVehicle();
    const arrivals = [...vehicle.tables(), vehicle.samples(), vehicle.notice()];
    take(...arrivals);
    await clock.run(0);
    expect(counts(arrivals)).toEqual([0, 0, 0]);
    const again = arrivalOf(arrivals[1].topic, arrivals[1].payload);
    take(again);
    await clock.run(0);
    // With a kill now, only this one would come again.
    expect(again.acknowledged()).toBe(0);
    await clock.run(200);
    expect(counts([...arrivals, again])).toEqual([1, 1, 1, 1]);
    expect(store.written.map(({ delivery }) => delivery.record.body.kind).toSorted()).toEqual([
      "notice",
      "samples",
      "table",
    ]);
    const samples = store.written.find(({ delivery }) => delivery.record.body.kind === "samples");
    expect(samples?.delivery.table?.signals.get(1)?.name).toBe("Signal1");
    expect(worker.counters).toMatchObject({ arrivals: 4, deliveries: 4, written: 3, repeats: 1 });
    expect(worker.status()).toMatchObject({ inHand: 0, oldestMs: undefined });
    await stop();
  });

  it("lets records wait for their table without holding up others, and takes them without it when it does not come", async () => {
    const { clock, worker, store, asked, take, stop } = rig();
    const vehicle = new FakeVehicle();
    const [table] = vehicle.tables();
    const early = [vehicle.samples(1), vehicle.samples(2)];
    const other = vehicle.notice();
    take(...early, other);
    await clock.run(4000);
    expect(counts([...early, other])).toEqual([0, 0, 1]);
    expect(asked).toEqual([table.topic]);
    await clock.run(2000);
    expect(counts(early)).toEqual([1, 1]);
    expect(store.written.map(({ delivery }) => delivery.table)).toEqual([undefined, undefined, undefined]);
    expect(worker.counters.withoutTable).toBe(2);
    take(table);
    await clock.run(200);
    const late = vehicle.samples(3);
    take(late);
    await clock.run(200);
    expect(store.written.at(-1)?.delivery.table?.signals.size).toBe(40);
    await stop();
  });

  it("gives records that wait the table that another worker has committed", async () => {
    const store = new MemoryStore();
    const [one, other] = [rig({}, store), rig({}, store)];
    const vehicle = new FakeVehicle();
    const tables = vehicle.tables();
    const samples = vehicle.samples();
    one.take(samples);
    await one.clock.run(500);
    other.take(...tables);
    await other.clock.run(200);
    await one.clock.run(1000);
    expect(samples.acknowledged()).toBe(1);
    expect(store.written.at(-1)?.delivery.table).toBeDefined();
    await one.stop();
    await other.stop();
  });

  it("acknowledges what is no record, keeps it aside and counts it by reason", async () => {
    const { clock, worker, store, kept, log, take, stop } = rig();
    const vehicle = new FakeVehicle();
    const foreign = arrivalOf("dt/causeway/truck-2/telemetry", vehicle.samples().payload);
    const broken = Array.from({ length: 20 }, (_, at) =>
      arrivalOf(`dt/causeway/${VEHICLE}/event`, Uint8Array.of(1, at)),
    );
    const beside = arrivalOf(`dt/causeway/${VEHICLE}/presence`, Buffer.from("{}"));
    take(foreign, ...broken, beside);
    await clock.run(200);
    expect(counts([foreign, ...broken, beside]).every((count) => count === 1)).toBe(true);
    expect([...worker.counters.refused]).toEqual([
      ["foreign-thing", 1],
      ["malformed", 20],
    ]);
    expect(worker.counters).toMatchObject({ ignored: 1, putAside: 21 });
    expect(kept[0]).toMatchObject({ topic: foreign.topic, reason: "foreign-thing", payload: foreign.payload });
    expect(log.of("consumer.arrival-refused")).toHaveLength(1);
    expect(store.written).toEqual([]);
    await stop();
  });

  /** A sink that is away until it is told otherwise. */
  function awaySink() {
    const sink = { isDown: true };
    const before = async (): Promise<void> => {
      if (sink.isDown) throw new AgentError("input.unavailable", { what: "away", remedy: "wait" });
    };
    return { sink, before };
  }

  it("reads no more than it may have in hand while the sink is away, and the rest when there is room, in the order in which it came", async () => {
    const { sink, before } = awaySink();
    const { clock, worker, store, take, stop } = rig({ before });
    const vehicle = new FakeVehicle();
    const arrivals = Array.from({ length: 150 }, () => vehicle.notice());
    take(...arrivals);
    await clock.run(3000);
    expect(worker.counters).toMatchObject({ arrivals: 150, deliveries: 40, overrun: 0 });
    expect(worker.status()).toMatchObject({ inHand: 150, left: 0, hasRoom: false });
    expect(counts(arrivals).every((count) => count === 0)).toBe(true);
    sink.isDown = false;
    await clock.run(5000);
    expect(counts(arrivals).every((count) => count === 1)).toBe(true);
    const seqs = store.written.map(({ delivery }) => delivery.record.seq);
    expect(seqs).toEqual(arrivals.map((_, at) => at + 1));
    expect(worker.status()).toMatchObject({ inHand: 0, oldestMs: undefined, hasRoom: true });
    await stop();
  });

  it("leaves to the broker what it has no room for, and takes it on the next connection", async () => {
    const { sink, before } = awaySink();
    const { clock, worker, store, take, stop } = rig({ before }, new MemoryStore(), { maxWaitingBytes: 12_000 });
    const vehicle = new FakeVehicle();
    const arrivals = Array.from({ length: 60 }, () => vehicle.notice());
    take(...arrivals);
    await clock.run(3000);
    const { inHand, left, leftSinceMs } = worker.status();
    expect(inHand).toBeGreaterThan(45);
    expect(inHand).toBeLessThan(52);
    expect(left).toBe(60 - inHand);
    expect(leftSinceMs).toBe(1000);
    expect(worker.counters.overrun).toBe(left);
    sink.isDown = false;
    await clock.run(5000);
    expect(store.written).toHaveLength(inHand);
    expect(worker.status()).toMatchObject({ inHand: 0, left, hasRoom: true });
    worker.connected(true);
    expect(worker.status()).toMatchObject({ left: 0, leftSinceMs: undefined });
    take(...arrivals.slice(inHand));
    await clock.run(1000);
    expect(counts(arrivals)).toEqual(arrivals.map(() => 1));
    await stop();
  });

  it("forgets what it has not read when the broker sends it again, and keeps it when the broker has lost the session", async () => {
    for (const isResumed of [true, false]) {
      const { sink, before } = awaySink();
      const { clock, worker, store, take, stop } = rig({ before });
      const vehicle = new FakeVehicle();
      const arrivals = Array.from({ length: 60 }, () => vehicle.notice());
      take(...arrivals);
      await clock.run(1000);
      worker.connected(isResumed);
      expect(worker.status().inHand).toBe(isResumed ? 40 : 60);
      const again = isResumed ? arrivals.map(({ topic, payload }) => arrivalOf(topic, payload)) : [];
      take(...again);
      sink.isDown = false;
      await clock.run(5000);
      expect(store.written).toHaveLength(60);
      expect(counts(again)).toEqual(again.map(() => 1));
      expect(counts(arrivals)).toEqual(arrivals.map((_, at) => (at < 40 || !isResumed ? 1 : 0)));
      await stop();
    }
  });

  it("reads the table that a full hand waits for before what stands in front of it", async () => {
    const { clock, worker, store, take, stop } = rig();
    const vehicle = new FakeVehicle();
    const tables = vehicle.tables();
    const arrivals = Array.from({ length: 60 }, (_, at) => vehicle.samples(at));
    take(...arrivals, ...tables);
    await clock.run(2000);
    expect(counts([...arrivals, ...tables]).every((count) => count === 1)).toBe(true);
    expect(worker.counters.withoutTable).toBe(0);
    expect(store.written).toHaveLength(60 + tables.length);
    await stop();
  });

  it("asks for a key again while it cannot be had, and acknowledges nothing meanwhile", async () => {
    const { clock, worker, faults, take, stop } = rig();
    for (let at = 0; at < 5; at++) faults.push(new AgentError("input.unavailable", { what: "no key", remedy: "wait" }));
    const notice = new FakeVehicle().notice();
    take(notice);
    await clock.run(100);
    expect(notice.acknowledged()).toBe(0);
    expect(worker.status().inHand).toBe(1);
    await clock.run(10_000);
    expect(notice.acknowledged()).toBe(1);
    await stop();
  });

  it("keeps an arrival aside that brings out a bug, and goes on", async () => {
    const { clock, worker, faults, take, stop } = rig();
    const [one, other] = [new FakeVehicle(), new FakeVehicle()];
    Reflect.set(faults, 0, new TypeError("a bug"));
    const [bad, good] = [one.notice(), other.notice()];
    take(bad, good);
    await clock.run(200);
    expect(counts([bad, good])).toEqual([1, 1]);
    expect([...worker.counters.refused]).toEqual([["failed", 1]]);
    await stop();
  });

  it("drains: commits what it has, takes nothing more, and leaves what waits for a table to the broker", async () => {
    const { clock, worker, store, take, ended } = rig();
    const vehicle = new FakeVehicle();
    const waiting = vehicle.samples();
    const ready = vehicle.notice();
    take(waiting, ready);
    await clock.run(10);
    worker.drain();
    const late = vehicle.notice();
    take(late);
    await clock.run(10);
    await ended;
    expect(counts([waiting, ready, late])).toEqual([0, 1, 0]);
    expect(store.written).toHaveLength(1);
  });
});
