import { describe, expect, it } from "vitest";
import { driveAt } from "../../bench/vehicle/drive-cycle.ts";
import { readVehicle, type VehicleSignal } from "../../bench/vehicle/vehicle-dbc.ts";
import { frameOf, packSignal, rawValueOf } from "../../bench/vehicle/vehicle-model.ts";

const vehicle = readVehicle("config/bench-vehicle.dbc");
const signals = vehicle.flatMap((message) => message.signals);

function signal(parts: Partial<VehicleSignal>): VehicleSignal {
  return {
    index: 0,
    message: "Test",
    name: "Test",
    startBit: 0,
    bits: 8,
    bigEndian: false,
    signed: false,
    kind: "integer",
    factor: 1,
    offset: 0,
    unit: "",
    multiplex: undefined,
    ...parts,
  };
}

function packed(parts: Partial<VehicleSignal>, value: number | bigint): string {
  const data = new Uint8Array(8);
  packSignal(data, signal(parts), value);
  return Buffer.from(data).toString("hex");
}

describe("the simulated vehicle", () => {
  it("has every kind of signal, in at least 25 messages and 150 signals, near 2000 frames/s", () => {
    expect(vehicle.length).toBeGreaterThanOrEqual(25);
    expect(signals.length).toBeGreaterThanOrEqual(150);
    const framesPerSecond = vehicle.reduce((sum, { periodMs }) => sum + 1000 / periodMs, 0);
    expect(framesPerSecond).toBeGreaterThan(1900);
    expect(framesPerSecond).toBeLessThan(2100);
    const kinds = [
      (s: VehicleSignal) => s.bigEndian,
      (s: VehicleSignal) => !s.bigEndian,
      (s: VehicleSignal) => s.signed && s.kind === "integer",
      (s: VehicleSignal) => s.kind === "float",
      (s: VehicleSignal) => s.kind === "double",
      (s: VehicleSignal) => typeof s.multiplex === "number",
      (s: VehicleSignal) => s.bits > 53 && s.kind === "integer",
    ];
    for (const kind of kinds) expect(signals.some(kind)).toBe(true);
    expect(vehicle.some(({ extended }) => extended)).toBe(true);
    expect(vehicle.some(({ fd, length }) => fd && length === 64)).toBe(true);
  });

  it("has a 16-bit counter in each message that grows by one a frame and wraps", () => {
    for (const message of vehicle) {
      const counter = message.signals.find(({ name }) => name === "Counter");
      expect(counter?.bits).toBe(16);
      if (counter === undefined) continue;
      expect([0, 1, 65_535, 65_536].map((n) => rawValueOf(message, counter, n, 1))).toEqual([0, 1, 65_535, 0]);
    }
  });

  it("knows a value within its bits for every signal over an hour", () => {
    for (const message of vehicle) {
      for (const one of message.signals) {
        for (let n = 0; n < 3_600_000 / message.periodMs; n += 997) {
          const value = rawValueOf(message, one, n, 7);
          if (typeof value === "bigint") expect(BigInt.asUintN(one.bits, value)).toBe(value);
          else if (value !== undefined) expect(Number.isFinite(value)).toBe(true);
        }
      }
    }
  });

  it("never lets two signals of one frame share a bit", () => {
    for (const message of vehicle) {
      const branches = message.branches === 0 ? [undefined] : Array.from({ length: message.branches }, (_, b) => b);
      for (const branch of branches) {
        const active = message.signals.filter(({ multiplex }) => typeof multiplex !== "number" || multiplex === branch);
        let bits = 0;
        const all = new Uint8Array(message.length);
        for (const one of active) {
          packSignal(all, { ...one, kind: "integer" }, (1n << BigInt(one.bits)) - 1n);
          bits += one.bits;
        }
        const set = all.reduce((sum, byte) => sum + byte.toString(2).replaceAll("0", "").length, 0);
        expect(`${message.name} ${set}`).toBe(`${message.name} ${bits}`);
      }
    }
  });

  it("gives equal frames for equal numbers and others for another seed", () => {
    const [message] = vehicle;
    expect(frameOf(message, 5000, 1)).toEqual(frameOf(message, 5000, 1));
    expect(frameOf(message, 5000, 1)).not.toEqual(frameOf(message, 5000, 2));
  });
});

describe("packSignal", () => {
  // Worked out by hand: start bit and byte order as the DBC format counts them, floats as IEEE 754 lays them out.
  it.each([
    ["12 bit little endian", { startBit: 4, bits: 12 }, 0xabc, "c0ab000000000000"],
    ["12 bit big endian", { startBit: 3, bits: 12, bigEndian: true }, 0xabc, "0abc000000000000"],
    ["signed little endian", { startBit: 0, bits: 12, signed: true }, -2, "fe0f000000000000"],
    ["float big endian", { startBit: 7, bits: 32, bigEndian: true, kind: "float" as const }, 1.5, "3fc0000000000000"],
    ["double little endian", { startBit: 0, bits: 64, kind: "double" as const }, 1.5, "000000000000f83f"],
    ["64 bit big endian", { startBit: 7, bits: 64, bigEndian: true }, 0x0102_0304_0506_0708n, "0102030405060708"],
  ])("packs %s", (_, parts, value, expected) => {
    expect(packed(parts, value)).toBe(expected);
  });
});

describe("driveAt", () => {
  it("moves without steps: speed and distance agree with each other", () => {
    for (let seconds = 0.01; seconds < 400; seconds += 0.01) {
      const before = driveAt(seconds - 0.01);
      const after = driveAt(seconds);
      expect(Math.abs(after.speedKph - before.speedKph)).toBeLessThan(0.5);
      const meanMps = (before.speedKph + after.speedKph) / 2 / 3.6;
      expect(after.distanceM - before.distanceM).toBeCloseTo(meanMps * 0.01, 4);
    }
  });
});
