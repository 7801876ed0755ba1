import { describe, expect, it } from "vitest";
import { type CanFrame, FRAME_FLAG } from "../../../agent/ports/frame.ts";
import { createSignalTable } from "../../../agent/signals/build-table.ts";
import { parseDbc } from "../../../agent/signals/dbc/parse.ts";
import { LatestSignals } from "../../../agent/signals/latest-signals.ts";
import { Appender } from "../../../agent/telemetry/appender.ts";
import { Pipeline } from "../../../agent/telemetry/pipeline.ts";
import { createRecordReader } from "../../../agent/telemetry/record/read/record-reader.ts";
import { SignalTables, samplesOf } from "../../../agent/telemetry/record/read/samples.ts";
import { buildSafetyGate } from "../../../agent/vehicle/safety-gate.ts";
import { ClockSteps } from "../../../agent/vehicle/time/clock-steps.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import type { CollectRule } from "../../../config/schema.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { FakeCanBus } from "../../fakes/ports/can-bus.ts";
import { FakeOutbox } from "../../fakes/ports/outbox.ts";
import { ruleLine } from "../../fakes/telemetry/rule-collector.ts";
import { encoderOf } from "../../fakes/telemetry/samples.ts";

const T0 = 1_767_225_600_000_000;
const DBC = `BO_ 2364540158 EEC1: 8 X
 SG_ EngineSpeed : 24|16@1+ (0.125,0) [0|8031.875] "rpm" X
 SG_ Torque : 16|8@1+ (1,-125) [-125|125] "%" X
BO_ 2348810494 TSC1: 8 X
 SG_ Requested : 8|16@1+ (0.125,0) [0|8031.875] "rpm" X
BO_ 256 Plain: 8 X
 SG_ Value : 0|8@1+ (1,0) [0|0] "" X
BA_ "ProtocolType" "J1939";
`;

async function line({ rules = [], senderSignals }: { rules?: readonly CollectRule[]; senderSignals?: number } = {}) {
  const { database } = parseDbc(DBC);
  const table = createSignalTable([{ bus: "can0", database }], senderSignals);
  const clock = new ManualClock({ wallUs: T0 });
  const outbox = new FakeOutbox({ clock, maxBytes: 10_000_000 });
  const encoder = encoderOf(table);
  const appender = new Appender({ outbox, clock, log: new MemoryLog(), holdBytes: 1_000_000, wake: () => undefined });
  const { collector, campaigns } = ruleLine({ table, rules, batchSamples: 1000, encoder, appender, clock });
  const pipeline = new Pipeline({ table, collector, campaigns, encoder, appender, takers: {}, clock, batchMs: 250 });
  const bus = new FakeCanBus();
  pipeline.start();
  await bus.start(pipeline.sinkFor(bus));
  return { bus, clock, pipeline, outbox, table, signals: new LatestSignals(table, collector.latest) };
}

function frame(id: number, hex: string, us: number): CanFrame {
  return { id, flags: FRAME_FLAG.extended, data: Buffer.from(hex, "hex"), receivedAtUs: T0 + us };
}

/** Samples as a consumer has them: "name source>destination@µs=value". */
function consumed(outbox: FakeOutbox): readonly string[] {
  const reader = createRecordReader(readDescriptor());
  const tables = new SignalTables();
  const records = (["event", "telemetry"] as const).flatMap((stream) =>
    outbox.read(stream, 0, outbox.lastRow(), 10_000, 1e9).map(({ payload }) => reader.decode(payload)),
  );
  for (const { body } of records) if (body.kind === "table") tables.add(body);
  return records
    .flatMap((record) => [...samplesOf(record, tables)])
    .map(({ signal, source, destination, timeUs, physical }) => {
      const name = "name" in signal ? signal.name : "?";
      return `${name} ${source}>${destination}@${timeUs - T0}=${physical}`;
    });
}

describe("messages that several control units send", () => {
  // The data of EEC1 and its speed, 113.25 rpm, are those of canboat's analyzer test j1939-pgn-test.
  const slow = "FFFF7D8A03FFFFFF";
  const fast = "FFFF7D803EFFFFFF";

  it("are kept apart by source, each with its own changes, and plain signals have neither", async () => {
    const { bus, pipeline, outbox } = await line();
    bus.deliver([
      frame(0x0cf0_0400, slow, 10),
      frame(0x18f0_0403, fast, 20),
      frame(0x0cf0_0400, slow, 30),
      frame(0x0cf0_0403, fast, 40),
      { id: 0x100, flags: 0, data: Uint8Array.of(7), receivedAtUs: T0 + 50 },
    ]);
    pipeline.stop();
    expect(consumed(outbox)).toEqual([
      "Value undefined>undefined@50=7",
      "EngineSpeed 0>undefined@10=113.25",
      "Torque 0>undefined@10=0",
      "EngineSpeed 3>undefined@20=2000",
      "Torque 3>undefined@20=0",
    ]);
  });

  it("are kept apart by destination, where the group has one", async () => {
    const { bus, pipeline, outbox } = await line();
    bus.deliver([frame(0x0c00_000b, "01803E00", 10), frame(0x0c00_0f0b, "01401F00", 20)]);
    pipeline.stop();
    expect(consumed(outbox)).toEqual(["Requested 11>0@10=2000", "Requested 11>15@20=1000"]);
  });

  it("have windows of their own", async () => {
    const { bus, pipeline, outbox } = await line({ rules: [{ signals: "*", mode: "latest", windowMs: 100 }] });
    bus.deliver([frame(0x0cf0_0400, slow, 10), frame(0x0cf0_0403, fast, 20)]);
    pipeline.stop();
    expect(consumed(outbox).filter((text) => text.startsWith("EngineSpeed"))).toEqual([
      "EngineSpeed 0>undefined@10=113.25",
      "EngineSpeed 3>undefined@20=2000",
    ]);
  });

  it("have no one value under a name without a sender, and the one of the sender that an id picks", async () => {
    const { bus, signals } = await line();
    const read = (name: string): number | bigint | undefined => {
      const found = signals.find(name);
      return found.kind === "signal" ? signals.read(found.signal)?.value : undefined;
    };
    bus.deliver([frame(0x0cf0_0400, slow, 10)]);
    expect(read("EEC1.EngineSpeed")).toBe(113.25);
    bus.deliver([frame(0x0cf0_0403, fast, 20)]);
    const names = ["EEC1.EngineSpeed", "EEC1@0x0cf00400.EngineSpeed", "can0/EEC1@0x18f00403.EngineSpeed"];
    expect(names.map(read)).toEqual([undefined, 113.25, 2000]);
    expect(read("EEC1@0x0cf00421.EngineSpeed")).toBeUndefined();
    expect(signals.find("EEC1@0x0cf00300.EngineSpeed").kind).toBe("unfit");
  });

  it("are forgotten together", async () => {
    const { bus, pipeline, table } = await line();
    bus.deliver([
      frame(0x0cf0_0400, slow, 10),
      frame(0x0cf0_0403, fast, 20),
      { id: 0x100, flags: 0, data: Uint8Array.of(7), receivedAtUs: T0 + 50 },
    ]);
    pipeline.forgetLatest(table.messages.filter(({ name }) => name === "EEC1"));
    expect(pipeline.latest().map(({ signal }) => signal.name)).toEqual(["Value"]);
    bus.deliver([frame(0x0cf0_0403, fast, 60)]);
    expect(pipeline.latest()).toHaveLength(3);
  });

  it("close the safety gate while it is not said which one is meant", async () => {
    const { bus, clock, signals } = await line();
    const steps = new ClockSteps(clock);
    clock.advance(2000);
    const gateOf = (name: string) => {
      const condition = { signals: { rpm: name }, maxAgeMs: 1000, all: ["rpm < 200.0"] };
      const built = buildSafetyGate(condition, { signals, steps, clock });
      return built.kind === "gate" ? built.gate.check() : "unfit";
    };
    bus.deliver([frame(0x0cf0_0400, slow, 2_000_000)]);
    expect(gateOf("EEC1.EngineSpeed")).toBeUndefined();
    bus.deliver([frame(0x0cf0_0403, fast, 2_000_000)]);
    expect(gateOf("EEC1.EngineSpeed")).toBe(
      "EEC1.EngineSpeed was never received, or several control units send it: an id picks one",
    );
    expect(gateOf("EEC1@0x0cf00400.EngineSpeed")).toBeUndefined();
    expect(gateOf("EEC1@0x0cf00403.EngineSpeed")).toContain("rpm < 200.0 is not true");
  });

  it("are decoded for as many senders as there is room for; samples of others are counted", async () => {
    const { bus, pipeline, outbox } = await line({ senderSignals: 3 });
    bus.deliver([frame(0x0cf0_0400, slow, 10), frame(0x0cf0_0403, fast, 20), frame(0x0c00_000b, "01803E00", 30)]);
    pipeline.stop();
    expect(consumed(outbox).map((text) => text.split("@")[0])).toEqual([
      "EngineSpeed 0>undefined",
      "Torque 0>undefined",
      "Requested 11>0",
    ]);
    expect(pipeline.counters().discardedSamples).toBe(2);
  });

  it("lose nothing for want of room that no rule would have taken", async () => {
    const { bus, pipeline } = await line({ rules: [{ signals: "*.Torque", mode: "off" }], senderSignals: 2 });
    bus.deliver([frame(0x0cf0_0400, slow, 10), frame(0x0cf0_0403, fast, 20)]);
    expect(pipeline.counters().discardedSamples).toBe(1);
  });
});
