import { describe, expect, it } from "vitest";
import { type CanFrame, FRAME_FLAG } from "../../../agent/ports/frame.ts";
import { createSignalTable } from "../../../agent/signals/build-table.ts";
import { parseDbc } from "../../../agent/signals/dbc/parse.ts";
import type { SignalTable } from "../../../agent/signals/signal-table.ts";
import { noCounts } from "../../../agent/signals/transport/partial-messages.ts";
import { Appender } from "../../../agent/telemetry/appender.ts";
import { Pipeline } from "../../../agent/telemetry/pipeline.ts";
import { createRecordReader } from "../../../agent/telemetry/record/read/record-reader.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { FakeCanBus } from "../../fakes/ports/can-bus.ts";
import { FakeOutbox } from "../../fakes/ports/outbox.ts";
import { tpFrames } from "../../fakes/signals/tp-frames.ts";
import { ruleLine } from "../../fakes/telemetry/rule-collector.ts";
import { encoderOf } from "../../fakes/telemetry/samples.ts";

const T0 = 1_767_225_600_000_000;
const reader = createRecordReader(readDescriptor());

/** Two messages of several frames, one that fits into one, and the frames of the transport protocol themselves. */
const TRUCK = `BO_ 2566828286 Trip: 20 X
 SG_ First : 0|8@1+ (1,0) [0|0] "" X
 SG_ Late : 128|32@1+ (1,0) [0|0] "" X
BO_ 2583168510 Gnss: 43 X
 SG_ Satellites : 256|8@1+ (1,0) [0|0] "" X
BO_ 2565603326 Data: 8 X
 SG_ Number : 0|8@1+ (1,0) [0|0] "" X
BA_ "ProtocolType" "N2K";
`;

function pipelineOf(table: SignalTable) {
  const clock = new ManualClock({ wallUs: T0 });
  const outbox = new FakeOutbox({ clock, maxBytes: 10_000_000 });
  const encoder = encoderOf(table);
  const appender = new Appender({ outbox, clock, log: new MemoryLog(), holdBytes: 1_000_000, wake: () => undefined });
  const sampling = { rules: [], batchSamples: 1000, busCounts: () => [] };
  const { collector, campaigns } = ruleLine({ ...sampling, table, encoder, appender, clock });
  const pipeline = new Pipeline({ table, collector, campaigns, encoder, appender, takers: {}, clock, batchMs: 250 });
  return { pipeline, outbox };
}

function extended(id: number, data: readonly number[], us: number): CanFrame {
  return { id, flags: FRAME_FLAG.extended, data: Uint8Array.from(data), receivedAtUs: T0 + us };
}

/** Samples of a signal that were stored. */
function storedOf(outbox: FakeOutbox, signal: number): number {
  const stored = outbox
    .read("telemetry", 0, outbox.lastRow(), 10_000, 1e9)
    .map(({ payload }) => reader.decode(payload));
  return stored.reduce((sum, { body }) => {
    const columns = body.kind === "samples" ? body.columns.filter((column) => column.signal === signal) : [];
    return sum + columns.reduce((own, { timesUs }) => own + timesUs.length, 0);
  }, 0);
}

describe("Pipeline, of messages that come in several frames,", () => {
  it("takes each with the last of them, by sender, and counts what became of frames", async () => {
    const { database } = parseDbc(TRUCK);
    const table = createSignalTable([{ bus: "can0", database }]);
    const { pipeline, outbox } = pipelineOf(table);
    const bus = new FakeCanBus();
    await bus.start(pipeline.sinkFor(bus));
    const bytes = Array.from({ length: 20 }, (_, at) => at);
    const all = tpFrames(bytes, { from: 3 }).map(({ id, data, atMs }) => extended(id, data, atMs * 1000));
    const one = tpFrames(bytes, { from: 4, to: 9 }).map(({ id, data, atMs }) => extended(id, data, atMs * 1000));
    bus.deliver([
      ...all.slice(0, 2),
      ...one,
      extended(0x18ec_ff05, [32, 9, 0, 2, 255, 1, 0, 0], 0),
      extended(0x18fe_f600, [1], 0),
    ]);
    // The rest comes in another batch.
    bus.deliver([
      ...all.slice(2),
      extended(0x18fe_b003, [77, 0, 0, 0, 0, 0, 0, 0], 300_000),
      { ...extended(0x18, [1], 0), flags: 0 },
    ]);
    const gnss = Array.from({ length: 43 }, (_, at) => 100 + at);
    bus.deliver([
      extended(0x0df8_0511, [0x40, 43, ...gnss.slice(0, 6)], 1),
      ...[0, 1, 2, 3, 4, 5].map((at) =>
        extended(0x0df8_0511, [0x41 + at, ...gnss.slice(6 + at * 7, 13 + at * 7)], 2 + at),
      ),
    ]);
    pipeline.flush();
    const late = 16 + 17 * 256 + 18 * 65_536 + 19 * 16_777_216;
    const seen = pipeline
      .latest()
      .map(({ signal, origin, raw, timeUs }) => `${signal.name}@${timeUs - T0} of ${origin?.source}=${raw}`);
    expect(seen.filter((text) => !text.startsWith("Number"))).toEqual([
      `First@150000 of 4=0`,
      `Late@150000 of 4=${late}`,
      `First@300000 of 3=77`,
      `Late@150000 of 3=${late}`,
      `Satellites@7 of 17=${100 + 32}`,
    ]);
    // Number, of the frames themselves, which the file names too.
    expect(storedOf(outbox, 3)).toBe(6);
    expect(table.bus("can0").find(0x18eb_ff03, true)).toBeUndefined();
    const assembly = { ...noCounts(), assembled: 3 };
    expect(pipeline.counters().buses.get("can0")).toMatchObject({
      decoded: 1,
      unknown: 3,
      unwanted: 0,
      parts: 8 + 7,
      assembly,
    });
  });
});
