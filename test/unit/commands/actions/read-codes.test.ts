import { describe, expect, it } from "vitest";
import type { PartialResult } from "../../../../agent/commands/action.ts";
import { readCodes } from "../../../../agent/commands/actions/read-codes.ts";
import { CodeReaders } from "../../../../agent/diagnostics/codes/code-readers.ts";
import { CodeVehicle } from "../../../fakes/diagnostics/code-vehicle.ts";

const ENGINE = { bus: "can0", ecu: "engine", protocol: "obd" } as const;
const OTHER_ENGINE = { bus: "can1", ecu: "engine", protocol: "uds" } as const;
const TRUCK = { bus: "can2", ecu: "sa_0", protocol: "j1939" } as const;
const freeze = [{ name: "engine_speed", value: 2800, unit: "rpm" }];
const P0301 = { code: "P0301", raw: 0x0301, freeze };

function rig() {
  const vehicle = new CodeVehicle({ appearSeconds: 0 });
  const readers = new CodeReaders();
  const reports: (string | undefined)[] = [];
  readers.add({
    origin: ENGINE,
    read: async () => {
      vehicle.read(ENGINE, "confirmed", [P0301]);
      return undefined;
    },
  });
  readers.add({ origin: OTHER_ENGINE, read: async () => "did not answer within 1000 ms" });
  const action = readCodes({ tracker: vehicle.tracker, readers, report: (ecu) => reports.push(ecu) });
  const run = async (given: Readonly<Record<string, unknown>>) => {
    const prepared = action.prepare(given);
    if (prepared.kind === "rejected") return { rejection: prepared, parts: [], units: {} };
    const parts: PartialResult[] = [];
    const outcome = await prepared.run(new AbortController().signal, (part) => parts.push(part));
    const result = outcome.kind === "done" ? outcome.result : {};
    const read = Object.entries(result).map(([name, text]): [string, unknown] => [name, JSON.parse(String(text))]);
    return { rejection: undefined, parts, units: Object.fromEntries(read) };
  };
  return { vehicle, run, reports };
}

describe("dtc.read", () => {
  it("gives the codes that are known, a control unit an entry, with its bus where two have one name", async () => {
    const { vehicle, run } = rig();
    vehicle.odometerKm = 12.5;
    vehicle.read(ENGINE, "pending", [P0301]);
    vehicle.read(TRUCK, "active", [{ code: "SPN 100 FMI 1", raw: 1, occurrences: 7 }]);
    const ms = Math.floor(vehicle.clock.wallUs() / 1000);
    const { units, parts } = await run({ freeze: true });
    const times = { firstSeenMs: ms, lastSeenMs: ms, odometerKm: 12.5 };
    const values = { engine_speed: { value: 2800, unit: "rpm", timeMs: ms } };
    expect(units).toEqual({
      "can0/engine": {
        protocol: "ISO 15765-4",
        codes: [{ code: "P0301", status: "pending", occurrences: 1, ...times, freeze: values }],
      },
      "can1/engine": { protocol: "ISO 14229", codes: [] },
      sa_0: { protocol: "SAE J1939", codes: [{ code: "SPN 100 FMI 1", status: "active", occurrences: 7, ...times }] },
    });
    expect(parts.map(({ name, index, total }) => [name, index, total])).toEqual([
      ["can0/engine", 0, 3],
      ["can1/engine", 1, 3],
      ["sa_0", 2, 3],
    ]);
  });

  it("asks the control units where it is to be fresh, and says which did not answer", async () => {
    const { run } = rig();
    const { units } = await run({ ecus: ["engine"], fresh: true });
    expect(units).toMatchObject({
      "can0/engine": { codes: [{ code: "P0301", status: "confirmed" }] },
      "can1/engine": { problem: "did not answer within 1000 ms" },
    });
  });

  it("sends a report where one is wanted", async () => {
    const { run, reports } = rig();
    await run({ report: true });
    await run({ report: true, ecus: ["can0/engine"] });
    await run({});
    expect(reports).toEqual([undefined, "can0/engine"]);
  });

  it("names the control units that it knows to one who asks for another", async () => {
    const { run } = rig();
    expect((await run({ ecus: ["brakes"] })).rejection).toEqual({
      kind: "rejected",
      code: "ARGUMENT_OUT_OF_RANGE",
      description: "there is no control unit brakes; known are: can0/engine, can1/engine",
    });
    expect((await run({ ecu: "engine" })).rejection).toMatchObject({ code: "ARGUMENT_TYPE_MISMATCH" });
  });
});
