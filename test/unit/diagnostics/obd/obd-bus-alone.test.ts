import { describe, expect, it } from "vitest";
import type { ObdEcu } from "../../../../agent/diagnostics/obd/ecu.ts";
import { EcuSpace } from "../../../../agent/diagnostics/obd/ecu-space.ts";
import { KnownEcus } from "../../../../agent/diagnostics/obd/known-ecus.ts";
import { ObdBus } from "../../../../agent/diagnostics/obd/obd-bus.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";
import { TakenCodes, TakenValues } from "../../../fakes/diagnostics/obd-rig.ts";
import { FakeTesterBus } from "../../../fakes/diagnostics/tester-bus.ts";
import { FakeJournal } from "../../../fakes/ports/journal.ts";

const ENGINE = { name: "engine", response: 0x7e8, extended: false };

function rig(configured?: readonly ObdEcu[]) {
  const [clock, log, tester, taken] = [new ManualClock(), new MemoryLog(), new FakeTesterBus(), new TakenValues()];
  const ecus = new KnownEcus({
    bus: "can0",
    configured,
    space: new EcuSpace(new FakeJournal({ clock }), log),
  });
  const told: string[] = [];
  const codes = new TakenCodes();
  const line = new ObdBus({
    reader: {
      tester,
      ecus,
      values: taken.sink,
      codes,
      settings: { rules: [{ pids: [0x0c], everyMs: 1000 }], codesEveryMs: 60_000, freezeFrames: true },
      onVin: (vin) => told.push(vin),
      clock,
      log,
    },
    addressing: "11-bit",
    isNamed: configured !== undefined,
    onReading: () => undefined,
    onEcu: (...event) => told.push(event.join(" ")),
  });
  const ending = new AbortController();
  const run = async (ms: number): Promise<void> => {
    const running = line.run(ending.signal);
    await clock.run(ms);
    ending.abort();
    await running;
  };
  return { clock, tester, taken, ecus, codes, told, line, run };
}

describe("OBD-II on a bus", () => {
  it("is looked over twice once somebody has answered, and ever more rarely before", async () => {
    const none = rig();
    await none.run(600_000);
    // After 0, 30, 90, 210 and 450 s.
    expect(none.tester.askedAll).toHaveLength(5);
    const some = rig();
    some.tester.answerAll(0x7df, "01 00", [{ rxId: 0x7e8, pdu: "41 00 00100000" }]);
    await some.run(600_000);
    expect(some.tester.askedAll).toHaveLength(2);
    expect(some.told).toEqual(["obd.ecu-found 0x7e8 engine"]);
  });

  it("is read by what was known of an ECU that refuses to say what it has", async () => {
    const { tester, taken, ecus, run } = rig([ENGINE]);
    ecus.learn(ENGINE, { pids: [0x0c], infoTypes: [], packs: true });
    tester.answer(0x7e0, "01 00", "7f 01 22");
    tester.answer(0x7e0, "01 0c", "41 0c 1af8");
    await run(3500);
    expect(taken.list).toEqual(Array.from({ length: 4 }, () => "engine 0c 1af8"));
  });

  it("gives the VIN once, however long its ECU keeps silent", async () => {
    const { tester, told, run } = rig([ENGINE]);
    const vin = "49 02 01 31 47 31 4A 43 35 34 34 34 52 37 32 35 32 33 36 37";
    tester.answer(0x7e0, "01 00", "41 00 00100000");
    tester.answer(0x7e0, "09 00", "49 00 40000000");
    tester.answer(0x7e0, "09 02", { kind: "silent", waitedMs: 1000, pendings: 0 }, vin);
    await run(60_000);
    expect(told).toEqual(["1G1JC5444R7252367"]);
    expect(tester.requests().filter((request) => request === "7e0#0902")).toHaveLength(2);
  });

  it("asks for the VIN soon after a long time in which nothing could be sent", async () => {
    const { tester, told, run } = rig([ENGINE]);
    const vin = "49 02 01 31 47 31 4A 43 35 34 34 34 52 37 32 35 32 33 36 37";
    const withheld = { kind: "withheld", reason: "condition", what: "the engine stands" } as const;
    tester.answer(0x7e0, "01 00", "41 00 00100000");
    tester.answer(0x7e0, "09 00", "49 00 40000000");
    const silent = { kind: "silent", waitedMs: 1000, pendings: 0 } as const;
    tester.answer(0x7e0, "09 02", ...Array.from({ length: 10 }, () => withheld), silent, vin);
    await run(70_000);
    expect(told).toEqual(["1G1JC5444R7252367"]);
  });

  it("has codes asked for again of an ECU that was busy, and no more of one that has none of a kind", async () => {
    const { tester, codes, run } = rig([ENGINE]);
    tester.answer(0x7e0, "01 00", "41 00 00100000");
    tester.answer(0x7e0, "03", "7f 03 21", "43 00");
    tester.answer(0x7e0, "07", "47 00");
    tester.answer(0x7e0, "0a", "7f 0a 11");
    await run(130_000);
    expect(codes.list).toEqual([
      "engine pending",
      "engine confirmed",
      "engine pending",
      "engine confirmed",
      "engine pending",
    ]);
    expect(tester.requests().filter((request) => request === "7e0#0a")).toHaveLength(1);
  });

  it("tells of an ECU without a name once", () => {
    const { line, told } = rig([ENGINE]);
    const stranger = { response: 0x7e9, extended: false };
    line.meet([stranger, ENGINE]);
    line.meet([stranger]);
    expect(told).toEqual(["obd.ecu-nameless 0x7e9 "]);
  });

  it("has a freeze frame read for the code that it was stored for, and for no other", async () => {
    const { tester, codes, run } = rig([ENGINE]);
    tester.answer(0x7e0, "01 00", "41 00 00100000");
    tester.answer(0x7e0, "01 01", "41 01 81000000");
    tester.answer(0x7e0, "03", "43 02 0301 0420");
    tester.answer(0x7e0, "02 02 00", "42 02 00 0301");
    tester.answer(0x7e0, "02 00 00", "42 00 00 00100000");
    tester.answer(0x7e0, "02 0c 00", "42 0c 00 1af8");
    codes.known.add("P0301");
    await run(1000);
    expect(codes.readings.flatMap((reading) => reading.codes.map(({ code, freeze }) => [code, freeze]))).toEqual([
      ["P0301", undefined],
      ["P0420", undefined],
    ]);
    expect(tester.requests()).not.toContain("7e0#020c00");
  });
});
