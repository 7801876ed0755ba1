import { describe, expect, it } from "vitest";
import type { WireSignal } from "../../bench/consumers/record-reader.ts";
import { type SampleColumn, TABLE_KIND } from "../../bench/consumers/sample-judge.ts";
import { createVehicleJudge } from "../../bench/consumers/vehicle-judge.ts";
import { readVehicle, type VehicleMessage, type VehicleSignal } from "../../bench/vehicle/vehicle-dbc.ts";
import { rawValueOf } from "../../bench/vehicle/vehicle-model.ts";

const SEED = 3;
const START_US = 1_800_000_000_000_000;
const vehicle = readVehicle("config/bench-vehicle.dbc");

function judgeOf(rate = 1, repeats = false): ReturnType<typeof createVehicleJudge> {
  return createVehicleJudge({ vehicle, seed: SEED, rate, startUs: START_US, thinned: ["CellVoltages"], repeats });
}

function messageOf(name: string): VehicleMessage {
  const message = vehicle.find((one) => one.name === name);
  if (message === undefined) throw new Error(`no message ${name}`);
  return message;
}

function rowOf(message: VehicleMessage, signal: VehicleSignal): WireSignal {
  return {
    index: signal.index,
    bus: "can0",
    message: message.name,
    arbitrationId: message.id,
    extended: message.extended,
    name: signal.name,
    unit: signal.unit,
    factor: signal.factor,
    offset: signal.offset,
    kind: TABLE_KIND[signal.kind],
    isSigned: signal.signed,
    bits: signal.bits,
    aggregate: "AGGREGATE_NONE",
    windowUs: 0,
    expression: "",
  };
}

/** What an agent that collects on change delivers of frames `first`..`last`, received on time and rounded to 1 ms. */
function delivered(message: VehicleMessage, first: number, last: number, rate = 1): SampleColumn[] {
  const axes: string[] = [];
  return message.signals.map((signal) => {
    const timesUs: number[] = [];
    const values: (number | bigint)[] = [];
    let before: number | bigint | undefined;
    for (let n = first; n <= last; n++) {
      const value = rawValueOf(message, signal, n, SEED);
      if (value === undefined || value === before) continue;
      before = value;
      timesUs.push(START_US + Math.round((n * message.periodMs) / rate) * 1000);
      values.push(value);
    }
    const axis = timesUs.join();
    if (!axes.includes(axis)) axes.push(axis);
    return { signal: rowOf(message, signal), axis: axes.indexOf(axis), timesUs, values };
  });
}

function changed(
  columns: readonly SampleColumn[],
  name: string,
  edit: (column: SampleColumn) => Partial<SampleColumn>,
): SampleColumn[] {
  return columns.map((column) => (column.signal.name === name ? { ...column, ...edit(column) } : column));
}

describe("the judge of the simulated vehicle", () => {
  it.each(vehicle.map(({ name }) => name))("finds nothing wrong with what was sent: %s", (name) => {
    const columns = delivered(messageOf(name), 100, 180);
    const verdict = judgeOf().judge(columns);
    expect(verdict).toMatchObject({ mismatches: 0, unverified: 0, frames: 81, remarks: [] });
    expect(verdict.samples).toBe(columns.reduce((sum, { values }) => sum + values.length, 0));
  });

  it("knows the frame after the counter has wrapped, also when sending faster", () => {
    const message = messageOf("WheelSpeeds");
    for (const rate of [1, 8]) {
      expect(judgeOf(rate).judge(delivered(message, 65_500, 65_600, rate))).toMatchObject({
        mismatches: 0,
        frames: 101,
      });
    }
  });

  it("knows the frame of a drive that repeats, however late it comes", () => {
    const late = delivered(messageOf("WheelSpeeds"), 100, 180).map((column) => ({
      ...column,
      timesUs: column.timesUs.map((timeUs) => timeUs + 600_000_000),
    }));
    expect(judgeOf(1, true).judge(late)).toMatchObject({ mismatches: 0, frames: 81 });
    expect(judgeOf(1, false).judge(late).mismatches).toBeGreaterThan(0);
  });

  it("finds one wrong bit, in an integer, a float and an integer of 64 bits", () => {
    for (const [name, signal, wrong] of [
      ["VehicleSpeed", "Speed", (v: number | bigint) => Number(v) ^ 1],
      ["InertialFusion", "GyroX", (v: number | bigint) => Math.fround(Number(v) + 1e-6)],
      ["InertialFusion", "SensorTime", (v: number | bigint) => BigInt(v) ^ 1n],
    ] as const) {
      const columns = changed(delivered(messageOf(name), 500, 520), signal, ({ values }) => ({
        values: values.map((value, index) => (index === 7 ? wrong(value) : value)),
      }));
      expect(judgeOf().judge(columns)).toMatchObject({ mismatches: 1, unverified: 0 });
    }
  });

  it("misses a sample that should have come because its signal changed", () => {
    const columns = changed(delivered(messageOf("VehicleSpeed"), 2000, 2050), "Speed", ({ values, timesUs }) => ({
      axis: 99,
      values: values.toSpliced(10, 1),
      timesUs: timesUs.toSpliced(10, 1),
    }));
    expect(judgeOf().judge(columns).mismatches).toBe(1);
  });

  it("asks for no sample of every change where collection is thinned", () => {
    const columns = delivered(messageOf("CellVoltages"), 100, 150).map((column) =>
      column.signal.name === "Counter"
        ? column
        : { ...column, axis: 99, values: column.values.slice(0, 1), timesUs: column.timesUs.slice(0, 1) },
    );
    expect(judgeOf().judge(columns)).toMatchObject({ mismatches: 0, unverified: 0 });
  });

  it("accepts either of two frames that share their receive time, and none else", () => {
    const message = messageOf("VehicleSpeed");
    const same = START_US + 5_010_000;
    const speeds = [501, 502].map((n) => rawValueOf(message, message.signals[0], n, SEED) ?? 0);
    const counter = { signal: rowOf(message, message.signals[5]), axis: 0, timesUs: [same, same], values: [501, 502] };
    for (const [value, mismatches] of [
      [speeds[0], 0],
      [speeds[1], 0],
      [Number(speeds[1]) + 50, 1],
    ] as const) {
      const speed = { signal: rowOf(message, message.signals[0]), axis: 1, timesUs: [same], values: [value] };
      expect(
        judgeOf()
          .judge([counter, speed])
          .remarks.filter((text) => text.includes("Speed frame")),
      ).toHaveLength(mismatches);
    }
  });

  it("says so when it cannot tell the frame", () => {
    const columns = delivered(messageOf("VehicleSpeed"), 0, 9).filter(({ signal }) => signal.name === "Standstill");
    expect(judgeOf().judge(columns)).toMatchObject({ mismatches: 0, unverified: 1, frames: 0 });
  });

  it("compares the signal table with the DBC", () => {
    const rows = vehicle.flatMap((message) => message.signals.map((signal) => rowOf(message, signal)));
    expect(judgeOf().judgeTable(rows, true)).toEqual([]);
    const wrong = rows.map((row) => (row.name === "Speed" ? { ...row, factor: 0.1 } : row));
    expect(judgeOf().judgeTable(wrong, true)).toHaveLength(1);
    expect(judgeOf().judgeTable(rows.slice(1), true)).toHaveLength(1);
    expect(judgeOf().judgeTable(rows.slice(1), false)).toEqual([]);
    expect(judgeOf().judgeTable(wrong, false)).toHaveLength(1);
  });
});
