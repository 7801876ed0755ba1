import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { StoredRecord } from "../../../agent/ports/outbox.ts";
import { Appender } from "../../../agent/telemetry/appender.ts";
import { Pipeline } from "../../../agent/telemetry/pipeline.ts";
import { createRecordReader } from "../../../agent/telemetry/record/read/record-reader.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { FakeCanBus } from "../../fakes/ports/can-bus.ts";
import { FakeOutbox } from "../../fakes/ports/outbox.ts";
import { ruleLine } from "../../fakes/telemetry/rule-collector.ts";
import { encoderOf } from "../../fakes/telemetry/samples.ts";
import { tableOf } from "../../fakes/telemetry/table.ts";

const SEED = 20_261_130;
const reader = createRecordReader(readDescriptor());

/** A pipeline of one bus with one signal, which changes with every frame. */
async function line(batchMs: number) {
  const table = tableOf([{ name: "Motion", signals: [{ name: "Count" }] }]);
  const clock = new ManualClock();
  const commitsMs: number[] = [];
  const outbox = new (class extends FakeOutbox {
    override append(...given: Parameters<FakeOutbox["append"]>): ReturnType<FakeOutbox["append"]> {
      commitsMs.push(clock.monotonicMs());
      return super.append(...given);
    }
  })({ clock });
  const encoder = encoderOf(table, {}, undefined, clock);
  const appender = new Appender({ outbox, clock, log: new MemoryLog(), holdBytes: 1e6, wake: () => undefined });
  const { collector, campaigns } = ruleLine({ table, rules: [], batchSamples: 50_000, encoder, appender, clock });
  const pipeline = new Pipeline({ table, collector, campaigns, encoder, appender, takers: {}, clock, batchMs });
  const bus = new FakeCanBus();
  const sink = pipeline.sinkFor(bus);
  pipeline.start();
  await bus.start(sink);
  clock.advance(1000);
  commitsMs.length = 0;
  const first = outbox.lastRow();
  let number = 0;
  const frame = () => ({ id: 0x100, flags: 0, data: Uint8Array.of(++number & 0xff), receivedAtUs: clock.wallUs() });
  const deliver = (count: number): void => bus.deliver(Array.from({ length: count }, frame));
  const event = (): void => sink.onState("error-passive", `${clock.wallUs()}`);
  const stored = (stream: "event" | "telemetry") => outbox.read(stream, first, outbox.lastRow(), 100_000, 1e9);
  return { clock, outbox, appender, pipeline, commitsMs, deliver, event, stored };
}

/** When samples came and when each was stored, µs, in the order of their records. */
function samplesOf(records: readonly (Pick<StoredRecord, "storedAtUs"> & { readonly payload: Uint8Array })[]) {
  return records.flatMap(({ storedAtUs, payload }) => {
    const { body } = reader.decode(payload);
    if (body.kind !== "samples") return [];
    return body.columns.flatMap(({ timesUs }) => timesUs.map((cameUs) => ({ cameUs, storedAtUs })));
  });
}

function eventsOf(records: readonly (Pick<StoredRecord, "storedAtUs"> & { readonly payload: Uint8Array })[]) {
  return records.flatMap(({ storedAtUs, payload }) => {
    const { body } = reader.decode(payload);
    return body.kind === "bus-event" ? [{ cameUs: Number(body.detail), storedAtUs }] : [];
  });
}

describe("batches", () => {
  it(`keep nothing longer than batchMs, events 50 ms, and lose and turn round nothing (seed ${SEED})`, async () => {
    const step = fc.record({
      afterMs: fc.oneof(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 700 })),
      frames: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constantFrom(0, 5000)),
      hasEvent: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(20, 60, 250, 1000),
        fc.array(step, { maxLength: 40 }),
        async (batchMs, steps) => {
          const { clock, pipeline, commitsMs, deliver, event, stored } = await line(batchMs);
          // The model: what came, and when.
          const samplesUs: number[] = [];
          const eventsUs: number[] = [];
          for (const { afterMs, frames, hasEvent } of steps) {
            clock.advance(afterMs);
            deliver(frames);
            samplesUs.push(...Array<number>(frames).fill(clock.wallUs()));
            if (!hasEvent) continue;
            event();
            eventsUs.push(clock.wallUs());
          }
          clock.advance(batchMs);
          const samples = samplesOf(stored("telemetry"));
          const events = eventsOf(stored("event"));
          expect(samples.map(({ cameUs }) => cameUs)).toEqual(samplesUs);
          expect(events.map(({ cameUs }) => cameUs)).toEqual(eventsUs);
          for (const { cameUs, storedAtUs } of samples) expect(storedAtUs - cameUs).toBeLessThanOrEqual(batchMs * 1000);
          for (const { cameUs, storedAtUs } of events) expect(storedAtUs - cameUs).toBeLessThanOrEqual(50_000);
          // Those by looks, and those by events: never two of these within 50 ms.
          const looks = Math.ceil((clock.monotonicMs() - 2000) / Math.max(20, batchMs / 4));
          const prompt = Math.ceil((clock.monotonicMs() - 2000) / 50) + 1;
          expect(commitsMs.length).toBeLessThanOrEqual(looks + Math.min(prompt, eventsUs.length) + 1);
          pipeline.stop();
        },
      ),
      { seed: SEED, numRuns: 30 },
    );
  });

  it("are one commit a second where little comes, and end early where much does", async () => {
    const { clock, commitsMs, deliver } = await line(1000);
    const drive = (frames: number): number => {
      commitsMs.length = 0;
      for (let ms = 0; ms < 10_000; ms += 10) {
        deliver(frames);
        clock.advance(10);
      }
      return commitsMs.length;
    };
    expect(drive(20)).toBe(10);
    expect(drive(200)).toBe(20);
    expect(drive(0)).toBe(0);
  });

  it("are as large as a longer time makes them", async () => {
    const { clock, commitsMs, deliver } = await line(10_000);
    for (let ms = 0; ms < 40_000; ms += 10) {
      deliver(20);
      clock.advance(10);
    }
    expect(commitsMs).toHaveLength(4);
  });

  it("make no flood of commits of a flood of events, and count those that events asked for", async () => {
    const { clock, appender, commitsMs, event, stored, deliver } = await line(1000);
    deliver(1);
    const before = appender.promptCommits;
    for (let ms = 0; ms < 1000; ms++) {
      event();
      clock.advance(1);
    }
    expect(stored("event")).toHaveLength(1000);
    expect(commitsMs).toHaveLength(21);
    expect(appender.promptCommits - before).toBe(21);
    expect(stored("telemetry")).toHaveLength(1);
  });

  it("take along what waits, in the commit of an event", async () => {
    const { clock, commitsMs, deliver, event, stored } = await line(1000);
    deliver(3);
    clock.advance(10);
    event();
    expect(commitsMs).toHaveLength(1);
    expect(samplesOf(stored("telemetry"))).toHaveLength(3);
    expect(eventsOf(stored("event"))).toHaveLength(1);
  });

  it("store at once what comes after the end", async () => {
    const { pipeline, appender, outbox } = await line(1000);
    pipeline.stop();
    const encoder = encoderOf(tableOf([]));
    const count = { bus: "can0", received: 0, dropped: 0, errorFrames: 0 };
    const draft = () => encoder.busEvent({ count, state: "up", detail: "", timeUs: 0 });
    const before = outbox.lastRow();
    for (let n = 0; n < 3; n++) {
      appender.add(draft());
      appender.storeSoon();
    }
    expect(outbox.lastRow() - before).toBe(3);
  });
});
