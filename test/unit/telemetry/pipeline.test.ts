import { describe, expect, it } from "vitest";
import { AgentError } from "../../../agent/core/errors.ts";
import type { CanBus } from "../../../agent/ports/can-bus.ts";
import { type CanFrame, FRAME_FLAG } from "../../../agent/ports/frame.ts";
import type { RecordDraft, RecordId } from "../../../agent/ports/outbox.ts";
import { Appender } from "../../../agent/telemetry/appender.ts";
import { Pipeline } from "../../../agent/telemetry/pipeline.ts";
import { countOf } from "../../../agent/telemetry/record/encode/bus-count.ts";
import type { DecodedRecord } from "../../../agent/telemetry/record/read/decoded-record.ts";
import { createRecordReader } from "../../../agent/telemetry/record/read/record-reader.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import type { CollectRule } from "../../../config/schema.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { FakeCanBus } from "../../fakes/ports/can-bus.ts";
import { FakeOutbox } from "../../fakes/ports/outbox.ts";
import { ruleLine } from "../../fakes/telemetry/rule-collector.ts";
import { encoderOf } from "../../fakes/telemetry/samples.ts";
import { tableOf } from "../../fakes/telemetry/table.ts";

const T0 = 1_767_225_600_000_000;
const reader = createRecordReader(readDescriptor());

/** An outbox that refuses while `fault` is set. */
class StubbornOutbox extends FakeOutbox {
  fault: Error | undefined;
  appends = 0;

  override append(drafts: readonly RecordDraft[]): readonly RecordId[] {
    this.appends += 1;
    // Like the real one, it has sealed some of the payloads when it finds that the disk is full.
    drafts.at(0)?.seal({ epoch: 1, stream: "telemetry", seq: 999 });
    if (this.fault !== undefined) throw this.fault;
    return super.append(drafts);
  }
}

const full = new AgentError("outbox.full", { what: "no room", remedy: "make room" });
const gone = new AgentError("outbox.unavailable", { what: "disk I/O error", remedy: "look at the disk" });

type Settings = {
  rules?: readonly CollectRule[];
  batchSamples?: number;
  holdBytes?: number;
  maxBytes?: number;
};

function bench({ rules = [], batchSamples = 1000, holdBytes = 1_000_000, maxBytes = 10_000_000 }: Settings = {}) {
  const table = tableOf([
    { name: "Engine", signals: [{ name: "Speed" }, { name: "Load" }] },
    { name: "Mux", multiplexed: true, signals: [{ name: "A" }, { name: "B" }] },
    { name: "Other", bus: "can1", signals: [{ name: "X" }] },
    { name: "obd.engine", carriage: "pdus", signals: [{ name: "load" }, { name: "speed" }] },
  ]);
  const clock = new ManualClock({ wallUs: T0 });
  const log = new MemoryLog();
  const outbox = new StubbornOutbox({ clock, maxBytes });
  const encoder = encoderOf(table);
  const buses: CanBus[] = [];
  const wakes = { count: 0 };
  const wake = (): void => {
    wakes.count += 1;
  };
  const appender = new Appender({ outbox, clock, log, holdBytes, wake });
  const { collector, campaigns, control } = ruleLine({
    table,
    rules,
    batchSamples,
    encoder,
    appender,
    clock,
    busCounts: () => buses.map((bus) => countOf(bus)),
  });
  const pipeline = new Pipeline({ table, collector, campaigns, encoder, appender, takers: {}, clock, batchMs: 250 });
  return { table, clock, log, outbox, wakes, pipeline, appender, encoder, control, buses };
}

function frame(id: number, data: readonly number[], us = 0, flags = 0): CanFrame {
  return { id, flags, data: Uint8Array.from(data), receivedAtUs: T0 + us };
}

function recordsOf(outbox: FakeOutbox): DecodedRecord[] {
  return (["event", "telemetry"] as const).flatMap((stream) =>
    outbox.read(stream, 0, outbox.lastRow(), 10_000, 1e9).map(({ payload }) => reader.decode(payload)),
  );
}

/** Samples of all records as "signal@µs=raw". */
function samplesOf(records: readonly DecodedRecord[]): string[] {
  return records.flatMap(({ body }) => {
    if (body.kind !== "samples") return [];
    return body.columns.flatMap(({ signal, timesUs, raws }) =>
      timesUs.map((us, at) => `${signal}@${us - T0}=${raws[at]}`),
    );
  });
}

describe("Pipeline", () => {
  it("stores what the frames say after batchMs, and wakes the publisher", async () => {
    const { pipeline, clock, outbox, wakes } = bench();
    const bus = new FakeCanBus();
    pipeline.start();
    await bus.start(pipeline.sinkFor(bus));
    // The state of the bus does not wait, and what comes then begins a batch.
    clock.advance(50);
    bus.deliver([frame(0x100, [7, 8], 10), frame(0x100, [7, 9], 20)]);
    const wakesBefore = wakes.count;
    clock.advance(199);
    expect(samplesOf(recordsOf(outbox))).toEqual([]);
    clock.advance(1);
    expect(samplesOf(recordsOf(outbox))).toEqual(["0@10=7", "1@10=8", "1@20=9"]);
    expect(wakes.count).toBe(wakesBefore + 1);
    clock.advance(1000);
    expect(wakes.count).toBe(wakesBefore + 1);
    expect(pipeline.health().lastFlushMs).toBe(clock.monotonicMs());
  });

  it("takes PDUs as it takes frames, as far as somebody wants their signals", async () => {
    const { pipeline, table, outbox } = bench({ batchSamples: 3 });
    const bus = new FakeCanBus();
    await bus.start(pipeline.sinkFor(bus));
    const message = table.messages[3];
    pipeline.takePdu(message, Uint8Array.of(7), T0 + 10);
    bus.deliver([frame(message.arbitrationId, [1, 2], 20)]);
    expect(pipeline.counters().buses.get("can0")).toMatchObject({ decoded: 0, unknown: 1 });
    pipeline.takePdu(message, Uint8Array.of(8, 9), T0 + 30);
    expect(samplesOf(recordsOf(outbox))).toEqual(["5@10=7", "5@30=8", "6@30=9"]);
    table.wantedMessages[message.index] = 0;
    pipeline.takePdu(message, Uint8Array.of(1, 1), T0 + 40);
    pipeline.flush();
    expect(samplesOf(recordsOf(outbox))).toHaveLength(3);
    expect(pipeline.latest().map(({ signal, raw }) => `${signal.name} ${raw}`)).toEqual(["load 8", "speed 9"]);
  });

  it("announces the signal table first", () => {
    const { pipeline, outbox, table } = bench();
    pipeline.start();
    const [stored] = outbox.read("event", 0, outbox.lastRow(), 10, 1e9);
    expect(stored.retainKey).toBe(`${table.id}.0`);
    expect(reader.decode(stored.payload).body).toMatchObject({ kind: "table", id: table.id, total: 7 });
    pipeline.stop();
  });

  it("looks a frame up on its own bus, by id and id length, and counts what it does not decode", async () => {
    const { pipeline, outbox } = bench();
    const [can0, can1] = [new FakeCanBus("can0"), new FakeCanBus("can1")];
    await can0.start(pipeline.sinkFor(can0));
    await can1.start(pipeline.sinkFor(can1));
    can0.deliver([
      frame(0x100, [1, 2]),
      frame(0x102, [3]),
      frame(0x100, [4, 5], 0, FRAME_FLAG.extended),
      frame(0x100, [6, 7], 0, FRAME_FLAG.remote),
      frame(0x100, [0, 0, 0, 0, 0, 0, 0, 0], 0, FRAME_FLAG.error),
    ]);
    can1.deliver([frame(0x100, [8, 9]), frame(0x102, [10])]);
    pipeline.stop();
    expect(samplesOf(recordsOf(outbox))).toEqual(["0@0=1", "1@0=2", "4@0=10"]);
    const none = { unwanted: 0, parts: 0, assembly: undefined };
    expect(Object.fromEntries(pipeline.counters().buses)).toEqual({
      can0: { decoded: 1, unknown: 2, ...none, remote: 1, error: 1, lastFrameMs: 1000 },
      can1: { decoded: 1, unknown: 1, ...none, remote: 0, error: 0, lastFrameMs: 1000 },
    });
  });

  it("does not take error frames for life on the bus", async () => {
    const { pipeline, clock } = bench();
    const bus = new FakeCanBus();
    await bus.start(pipeline.sinkFor(bus));
    bus.deliver([frame(0x100, [0, 0, 0, 0, 0, 0, 0, 0], 0, FRAME_FLAG.error)]);
    expect(pipeline.counters().buses.get("can0")?.lastFrameMs).toBeUndefined();
    bus.deliver([frame(0x7ff, [1])]);
    expect(pipeline.counters().buses.get("can0")?.lastFrameMs).toBe(clock.monotonicMs());
  });

  it("leaves out signals beyond the end of a short frame and of an inactive branch", async () => {
    const { pipeline, outbox } = bench();
    const bus = new FakeCanBus();
    await bus.start(pipeline.sinkFor(bus));
    bus.deliver([frame(0x100, [1]), frame(0x101, [5])]);
    pipeline.stop();
    expect(samplesOf(recordsOf(outbox))).toEqual(["0@0=1", "2@0=5"]);
  });

  it("stores at once when the batch is full, without losing a sample", async () => {
    const { pipeline, outbox } = bench({ batchSamples: 100, rules: [{ signals: "*", mode: "every", ms: 0 }] });
    const bus = new FakeCanBus();
    await bus.start(pipeline.sinkFor(bus));
    bus.deliver(Array.from({ length: 1000 }, (_, at) => frame(0x100, [at % 256, 1], at)));
    expect(outbox.stats().streams.telemetry.records).toBe(20);
    pipeline.stop();
    const speeds = samplesOf(recordsOf(outbox)).filter((sample) => sample.startsWith("0@"));
    expect(speeds).toEqual(Array.from({ length: 1000 }, (_, at) => `0@${at}=${at % 256}`));
    expect(pipeline.counters()).toMatchObject({ samples: 2000, discardedSamples: 0 });
  });

  it("stores a batch that is larger than what may wait in memory", async () => {
    const { pipeline, outbox } = bench({ rules: [{ signals: "*", mode: "every", ms: 0 }], holdBytes: 500 });
    const bus = new FakeCanBus();
    await bus.start(pipeline.sinkFor(bus));
    for (let at = 0; at < 20; at++) bus.setState(at % 2 === 0 ? "down" : "up", "x".repeat(100));
    pipeline.stop();
    expect(pipeline.counters()).toMatchObject({ records: 21, discardedRecords: 0 });
    expect(outbox.stats().records).toBe(21);
  });

  it("records each change of a bus with its frame counts", async () => {
    const { pipeline, outbox } = bench();
    const bus = new FakeCanBus();
    await bus.start(pipeline.sinkFor(bus));
    bus.deliver([frame(0x7ff, [1])]);
    bus.drop(3);
    bus.setState("bus-off", "too many errors");
    pipeline.stop();
    const count = { bus: "can0", received: 0, dropped: 0, errorFrames: 0 };
    expect(recordsOf(outbox).map(({ body }) => body)).toEqual([
      { kind: "bus-event", count, state: "up", detail: "fake", timeUs: T0 },
      {
        kind: "bus-event",
        count: { ...count, received: 1, dropped: 3 },
        state: "bus-off",
        detail: "too many errors",
        timeUs: T0,
      },
    ]);
  });

  it("puts the kernel's exact loss into every record of samples", async () => {
    const { pipeline, outbox, buses } = bench();
    const bus = new FakeCanBus();
    buses.push(bus);
    await bus.start(pipeline.sinkFor(bus));
    bus.drop(41);
    bus.deliver([frame(0x100, [1, 2])]);
    pipeline.stop();
    const [record] = recordsOf(outbox).filter(({ body }) => body.kind === "samples");
    expect(record.body).toMatchObject({ buses: [{ bus: "can0", received: 1, dropped: 41, errorFrames: 0 }] });
  });

  it("stores open windows when it stops, once", async () => {
    const { pipeline, outbox } = bench({ rules: [{ signals: "*", mode: "latest", windowMs: 60_000 }] });
    const bus = new FakeCanBus();
    pipeline.start();
    await bus.start(pipeline.sinkFor(bus));
    bus.deliver([frame(0x100, [1, 2])]);
    pipeline.flush();
    expect(samplesOf(recordsOf(outbox))).toEqual([]);
    pipeline.stop();
    pipeline.stop();
    expect(samplesOf(recordsOf(outbox))).toEqual(["0@0=1", "1@0=2"]);
  });

  it("counts what it stored", async () => {
    const { pipeline, outbox } = bench();
    const bus = new FakeCanBus();
    await bus.start(pipeline.sinkFor(bus));
    bus.deliver([frame(0x100, [1, 2])]);
    pipeline.stop();
    const { records, bytes } = outbox.stats();
    expect(pipeline.counters()).toMatchObject({ samples: 2, records, payloadBytes: bytes, discardedSamples: 0 });
    expect(pipeline.latest().map(({ signal, raw }) => [signal.name, raw])).toEqual([
      ["Speed", 1],
      ["Load", 2],
    ]);
  });
});

describe("Pipeline with an outbox that refuses", () => {
  const every = [{ signals: "*", mode: "every", ms: 0 }] as const;

  it.each([full, gone])(
    "keeps the samples in memory and stores them in order when it accepts again ($code)",
    async (fault) => {
      const { pipeline, clock, outbox, log } = bench({ rules: every });
      const bus = new FakeCanBus();
      pipeline.start();
      await bus.start(pipeline.sinkFor(bus));
      outbox.fault = fault;
      for (let at = 0; at < 20; at++) {
        bus.deliver([frame(0x100, [at, 1], at)]);
        clock.advance(250);
      }
      expect(pipeline.health().store).toMatchObject({ kind: "failing", code: fault.code, what: fault.message });
      expect(pipeline.health().lastFlushMs).toBe(clock.monotonicMs());
      expect(samplesOf(recordsOf(outbox))).toEqual([]);
      outbox.fault = undefined;
      clock.advance(250);
      const speeds = samplesOf(recordsOf(outbox)).filter((sample) => sample.startsWith("0@"));
      expect(speeds).toEqual(Array.from({ length: 20 }, (_, at) => `0@${at}=${at}`));
      expect(pipeline.health().store).toEqual({ kind: "storing" });
      expect(pipeline.counters()).toMatchObject({ samples: 40, discardedSamples: 0 });
      const { records, bytes } = outbox.stats();
      expect(pipeline.counters()).toMatchObject({ records, payloadBytes: bytes });
      expect(log.entries.map(({ level, event }) => `${level} ${event}`)).toEqual([
        "error outbox.refused",
        "info outbox.accepted",
      ]);
    },
  );

  it("drops the oldest samples past the bound and counts them; events stay", async () => {
    const { pipeline, clock, outbox } = bench({ rules: every, holdBytes: 2000 });
    const bus = new FakeCanBus();
    pipeline.start();
    outbox.fault = gone;
    await bus.start(pipeline.sinkFor(bus));
    for (let at = 0; at < 100; at++) {
      bus.deliver([frame(0x100, [at, 1], at)]);
      clock.advance(250);
    }
    const { store } = pipeline.health();
    expect(store.kind === "failing" && store.heldBytes > 1800 && store.heldBytes <= 2000).toBe(true);
    outbox.fault = undefined;
    pipeline.stop();
    const records = recordsOf(outbox);
    const speeds = samplesOf(records).filter((sample) => sample.startsWith("0@"));
    const { samples, discardedSamples } = pipeline.counters();
    expect(discardedSamples).toBeGreaterThan(100);
    expect(samples + discardedSamples).toBe(200);
    expect(speeds).toEqual(
      Array.from({ length: samples / 2 }, (_, at) => `0@${100 - samples / 2 + at}=${100 - samples / 2 + at}`),
    );
    expect(records.filter(({ body }) => body.kind === "bus-event")).toHaveLength(1);
  });

  it("gets rid of more than the outbox can hold at once, as evictions that the outbox notes", async () => {
    const { pipeline, clock, outbox, encoder } = bench({ rules: every, maxBytes: 4000 });
    const bus = new FakeCanBus();
    pipeline.start();
    await bus.start(pipeline.sinkFor(bus));
    outbox.fault = gone;
    for (let at = 0; at < 200; at++) {
      bus.deliver([frame(0x100, [at, 1], at)]);
      clock.advance(250);
    }
    outbox.fault = undefined;
    clock.advance(500);
    expect(pipeline.health().store).toEqual({ kind: "storing" });
    expect(pipeline.counters()).toMatchObject({ samples: 400, discardedSamples: 0 });
    outbox.reportLosses((loss) => encoder.loss(loss), 100);
    const losses = recordsOf(outbox).flatMap(({ body }) => (body.kind === "loss" ? [body] : []));
    expect(losses.at(0)).toMatchObject({ stream: "telemetry", first: 1, reason: "evicted" });
    expect(samplesOf(recordsOf(outbox)).at(-1)).toBe("1@199=1");
  });

  it("asks the refusing outbox only a little at a time", async () => {
    const { pipeline, clock, outbox } = bench({ rules: every });
    const bus = new FakeCanBus();
    pipeline.start();
    await bus.start(pipeline.sinkFor(bus));
    outbox.fault = full;
    for (let at = 0; at < 100; at++) {
      bus.deliver([frame(0x100, [at, 1], at)]);
      clock.advance(250);
    }
    outbox.appends = 0;
    clock.advance(250);
    expect(outbox.appends).toBeLessThanOrEqual(2);
    outbox.fault = undefined;
    clock.advance(250);
    expect(outbox.appends).toBeLessThanOrEqual(2 + 1 + 8);
  });

  it("counts and tells what it could not store before it stopped", async () => {
    const { pipeline, outbox, log } = bench({ rules: every });
    const bus = new FakeCanBus();
    pipeline.start();
    outbox.fault = gone;
    await bus.start(pipeline.sinkFor(bus));
    bus.deliver([frame(0x100, [1, 1])]);
    pipeline.stop();
    expect(pipeline.counters()).toMatchObject({ samples: 0, discardedRecords: 2, discardedSamples: 2 });
    expect(log.entries.at(-1)).toMatchObject({ event: "outbox.abandoned", facts: { records: 2, samples: 2 } });
  });

  it("lets a bug out", () => {
    const { pipeline, outbox } = bench();
    outbox.fault = new TypeError("seal is not a function");
    expect(() => pipeline.start()).toThrow(TypeError);
  });
});
