import { describe, expect, it } from "vitest";
import { EcuSpace } from "../../../../agent/diagnostics/obd/ecu-space.ts";
import { KnownEcus } from "../../../../agent/diagnostics/obd/known-ecus.ts";
import { ObdBus } from "../../../../agent/diagnostics/obd/obd-bus.ts";
import { BENCH_VIN } from "../../../bench/vehicle/ecus/vehicle-ecus.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";
import { TakenCodes, TakenValues, VehicleRig } from "../../../fakes/diagnostics/obd-rig.ts";
import { FakeJournal } from "../../../fakes/ports/journal.ts";

const RULES = [
  { pids: [0x0c, 0x0d], everyMs: 200 },
  { pids: [0x05, 0x42, 0xa6, 0x06], everyMs: 1000 },
];

function vehicle(obdIds: 11 | 29, configured?: readonly { name: string; response: number; extended: boolean }[]) {
  const rig = new VehicleRig({ obdIds, startSeconds: 60 });
  const { clock, tester } = rig;
  const [log, journal, codes] = [new MemoryLog(), new FakeJournal({ clock }), new TakenCodes()];
  const taken = new TakenValues(["engine", "transmission", "motor"]);
  const ecus = new KnownEcus({ bus: "can0", configured, space: new EcuSpace(journal, log) });
  const [told, reading]: [string[], string[]] = [[], []];
  const line = new ObdBus({
    reader: {
      tester,
      ecus,
      values: taken.sink,
      codes,
      settings: { rules: RULES, codesEveryMs: 5000, freezeFrames: true },
      onVin: (vin) => told.push(vin),
      clock,
      log,
    },
    addressing: "auto",
    isNamed: configured !== undefined,
    onReading: ({ name }) => reading.push(name),
    onEcu: (event, response, name) => told.push([event, response, name].join(" ")),
  });
  const ending = new AbortController();
  const running = line.run(ending.signal);
  const stop = async (): Promise<void> => {
    ending.abort();
    await running;
  };
  return { clock, ecus: rig.ecus, known: ecus, taken, codes, told, reading, line, stop };
}

describe("OBD-II on a bus with the bench's control units", () => {
  it.each([
    [11, "0x7e8", "0x7e9"],
    [29, "0x18daf110", "0x18daf118"],
  ] as const)("finds them with %s bits, and reads what they have", async (bits, engine, gearbox) => {
    const { clock, taken, told, known, stop } = vehicle(bits);
    await clock.run(20_000);
    await stop();
    expect(told).toEqual([`obd.ecu-found ${engine} engine`, `obd.ecu-found ${gearbox} transmission`, BENCH_VIN]);
    expect(known.list().map(({ support }) => support?.packs)).toEqual([true, false]);
    const of = (ecu: string, pid: string): number => taken.list.filter((one) => one.startsWith(`${ecu} ${pid}`)).length;
    // 20 s less the time of the scan, a second for each width of ids, and of the bitmaps.
    expect(of("engine", "0c")).toBeGreaterThan(80);
    expect(of("engine", "0d")).toBe(of("engine", "0c"));
    expect(of("engine", "a6")).toBeGreaterThan(15);
    expect(of("engine", "01")).toBeGreaterThanOrEqual(3);
    expect(of("transmission", "42")).toBeGreaterThan(15);
    expect(of("transmission", "05")).toBe(0);
  });

  it("reads codes with the freeze frame of a new one, once, and that they are gone", async () => {
    const { clock, ecus, codes, stop } = vehicle(11);
    ecus.engine?.memory.set(0x0301, "confirmed");
    ecus.engine?.memory.set(0x0420, "pending");
    await clock.run(20_000);
    expect(codes.list).toContain("engine confirmed P0301");
    expect(codes.list).toContain("engine pending P0301 P0420");
    expect(codes.list).toContain("transmission confirmed");
    const frozen = codes.readings.flatMap((reading) => reading.codes.filter(({ freeze }) => freeze !== undefined));
    expect(new Set(frozen.map(({ code }) => code))).toEqual(new Set(["P0301"]));
    expect(
      new Set(codes.readings.filter(({ codes: own }) => own.some(({ freeze }) => freeze)).map(({ timeUs }) => timeUs))
        .size,
    ).toBe(1);
    const values = frozen[0].freeze ?? [];
    expect(values.find(({ name }) => name === "engine_speed")).toMatchObject({ unit: "rpm" });
    expect(values.length).toBeGreaterThan(5);
    const lamps = codes.readings.filter(({ list, origin }) => list === "confirmed" && origin.ecu === "engine");
    expect(lamps.at(-1)?.lamps).toEqual({ malfunction: "on" });
    ecus.engine?.memory.clear();
    await clock.run(10_000);
    await stop();
    expect(codes.list.slice(-8)).toContain("engine confirmed");
  });

  it("goes on with the others while one keeps saying response pending, and leaves a silent one alone", async () => {
    const { clock, ecus, taken, line, stop } = vehicle(11);
    await clock.run(10_000);
    ecus.engine?.unit.faults.set({ pendings: "always", pendingEveryMs: 500 });
    const before = taken.list.length;
    await clock.run(20_000);
    const during = taken.list.slice(before).filter((one) => one.startsWith("transmission 0c"));
    expect(during.length).toBeGreaterThan(80);
    ecus.engine?.unit.faults.set({});
    ecus.gearbox?.unit.faults.set({ silent: true });
    const requests = ecus.gearbox?.unit.requests ?? 0;
    await clock.run(60_000);
    await stop();
    expect((ecus.gearbox?.unit.requests ?? 0) - requests).toBeLessThan(20);
    expect(line.facts().map(({ name, hasAnswered }) => [name, hasAnswered])).toEqual([
      ["engine", true],
      ["transmission", true],
    ]);
  });

  it("asks those of the configuration alone where it names some", async () => {
    const { clock, taken, told, reading, stop } = vehicle(11, [{ name: "motor", response: 0x7e8, extended: false }]);
    await clock.run(5000);
    await stop();
    expect(told).toEqual([BENCH_VIN]);
    expect(reading).toEqual(["motor"]);
    expect(new Set(taken.list.map((one) => one.split(" ")[0]))).toEqual(new Set(["motor"]));
  });
});
