import { describe, expect, it } from "vitest";
import { type LastValues, takeLast } from "../../../../agent/consumer/dynamodb/last-values.ts";
import type { RecordFacts, SignalFacts } from "../../../../agent/consumer/rows/facts.ts";
import { SampleBatch } from "../../../../agent/consumer/rows/sample-batch.ts";

const T0 = 1_767_225_600_000_000;
const RECORD: RecordFacts = {
  thing: "truck-1",
  epoch: 7,
  stream: "telemetry",
  seq: 1,
  bootId: "b",
  monotonicUs: 1,
  offsetUs: 0,
  timeQuality: "ntp",
  timeBasis: "clock",
  shiftUs: 0,
  campaign: undefined,
  trigger: undefined,
};
const SPEED: SignalFacts = {
  bus: "can0",
  message: "Wheels",
  signal: "Speed",
  aggregate: undefined,
  windowUs: undefined,
  unit: "km/h",
  vssPath: "Vehicle.Speed",
};

/** The values of one record, of the samples [time after T0 µs, value]. */
function lastOf(
  samples: readonly (readonly [number, number])[],
  change: Partial<RecordFacts> = {},
  signal: SignalFacts = SPEED,
  source?: number,
): Map<string, LastValues> {
  const batch = new SampleBatch();
  const run = batch.open({ record: { ...RECORD, ...change }, signal, source, destination: undefined });
  for (const [after, value] of samples) batch.add(run, T0 + after, value, undefined);
  const buses = new Map<string, LastValues>();
  takeLast(buses, batch, T0 + 60_000_000);
  return buses;
}

describe("takeLast", () => {
  it("takes the newest sample of each signal, in whatever order they stand", () => {
    const value = lastOf([
      [1, 10],
      [9, 30],
      [5, 20],
    ])
      .get("can0")
      ?.get("Wheels.Speed");
    expect(value).toMatchObject({
      value: 30,
      timeUs: T0 + 9,
      quality: "ntp",
      unit: "km/h",
      vssPath: "Vehicle.Speed",
      orderUs: T0 + 9,
    });
  });

  it("orders what an unset or a fast clock timed by when it came", () => {
    const came = T0 + 60_000_000;
    expect(
      lastOf([[1, 10]], { timeQuality: "unsynchronised" })
        .get("can0")
        ?.get("Wheels.Speed")?.orderUs,
    ).toBe(came);
    expect(
      lastOf([[3_600_000_000, 10]])
        .get("can0")
        ?.get("Wheels.Speed")?.orderUs,
    ).toBe(came);
  });

  it("names sender and aggregate, so that none hides another", () => {
    const mean = { ...SPEED, aggregate: "mean", windowUs: 10_000_000 };
    expect([
      ...(lastOf([[1, 1]], {}, mean, 33)
        .get("can0")
        ?.keys() ?? []),
    ]).toEqual(["Wheels.Speed@33:mean/10000000"]);
    expect([
      ...(lastOf([[1, 1]], {}, { ...SPEED, bus: "", message: "" })
        .get("")
        ?.keys() ?? []),
    ]).toEqual(["Speed"]);
  });

  it("takes 64 buses, and says how many values it left out", () => {
    const batch = new SampleBatch();
    for (let bus = 0; bus < 70; bus++) {
      const run = batch.open({
        record: RECORD,
        signal: { ...SPEED, bus: `can${bus}` },
        source: undefined,
        destination: undefined,
      });
      batch.add(run, T0, bus, undefined);
    }
    const buses = new Map<string, LastValues>();
    expect(takeLast(buses, batch, T0)).toBe(6);
    expect(takeLast(buses, batch, T0)).toBe(6);
    expect(buses.size).toBe(64);
  });

  it("leaves out what has no sample, or a name that no key holds", () => {
    expect(lastOf([]).size).toBe(0);
    expect(lastOf([[1, 1]], {}, { ...SPEED, signal: "x".repeat(1000) }).size).toBe(0);
  });
});
