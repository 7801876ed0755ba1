import { describe, expect, it } from "vitest";
import { createSignalTable } from "../../../../agent/signals/build-table.ts";
import { parseDbc } from "../../../../agent/signals/dbc/parse.ts";
import type { SignalEntry } from "../../../../agent/signals/signal-entry.ts";
import { SignalsSource } from "../../../../agent/vehicle/place/signals-source.ts";
import { FakeSignals } from "../../../fakes/commands/vehicle-signals.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { RecordingPositions, rounded } from "../../../fakes/place/position-sink.ts";

// PGN 129025 and 129029 of NMEA 2000 as canboat has them; PGN 65256 (VD) of SAE J1939-71 for speed and course.
const DBC = `VERSION ""
BU_: X
BO_ 2566521855 Position: 8 X
 SG_ Latitude : 0|32@1- (1e-7,0) [-90|90] "deg" X
 SG_ Longitude : 32|32@1- (1e-7,0) [-180|180] "deg" X
BO_ 2566522111 Fix: 8 X
 SG_ Altitude : 0|32@1- (0.01,0) [0|0] "m" X
 SG_ Satellites : 32|8@1+ (1,0) [0|0] "" X
 SG_ Hdop : 40|16@1- (0.01,0) [0|0] "" X
BO_ 2566522367 Motion: 8 X
 SG_ Speed : 0|16@1+ (0.01,0) [0|0] "m/s" X
 SG_ Course : 16|16@1+ (0.0001,0) [0|0] "rad" X
 SG_ TimeOfDay : 32|32@1+ (0.0001,0) [0|0] "s" X
`;

function rig() {
  const clock = new ManualClock();
  const table = createSignalTable([{ bus: "can0", database: parseDbc(DBC).database }]);
  const fake = new FakeSignals(table);
  const find = (name: string): SignalEntry => {
    const found = fake.signals.find(name);
    if (found.kind === "unfit") throw new Error(found.problem);
    return found.signal;
  };
  const from = {
    latitude: find("Position.Latitude"),
    longitude: find("Position.Longitude"),
    others: new Map([
      ["altitude", find("Fix.Altitude")],
      ["satellites", find("Fix.Satellites")],
      ["hdop", find("Fix.Hdop")],
      ["speed", find("Motion.Speed")],
      ["course", find("Motion.Course")],
      ["time", find("Motion.TimeOfDay")],
    ] as const),
  };
  const sink = new RecordingPositions();
  const source = new SignalsSource({ from, signals: fake.signals, maxAgeMs: 3000, clock });
  source.start(sink);
  const position = (rawLatitude: number, rawLongitude: number): void => {
    fake.set("Position.Latitude", rawLatitude, clock.wallUs());
    fake.set("Position.Longitude", rawLongitude, clock.wallUs());
    clock.advance(100);
  };
  return { clock, fake, sink, source, position };
}

describe("SignalsSource", () => {
  it("makes a fix of what signals say, in its units", () => {
    const { clock, fake, sink, position } = rig();
    // 00:00:00.9 by the receiver, at 00:00:00.0 by the clock of 2026-01-01: the day before would be further off.
    fake.set("Motion.TimeOfDay", 9000, clock.wallUs());
    fake.set("Motion.Speed", 1390, clock.wallUs());
    fake.set("Motion.Course", 15_708, clock.wallUs());
    fake.set("Fix.Altitude", 48_900, clock.wallUs());
    fake.set("Fix.Satellites", 9, clock.wallUs());
    fake.set("Fix.Hdop", 80, clock.wallUs());
    const receivedAtUs = clock.wallUs();
    position(483_687_000, -108_986_000);
    expect(sink.fixes.map((fix) => rounded(fix, 4))).toEqual([
      {
        mode: "3d",
        latitude: 48.3687,
        longitude: -10.8986,
        timeUs: receivedAtUs + 900_000,
        receivedAtUs,
        altitudeM: 489,
        speedMps: 13.9,
        courseDeg: 90.0002,
        accuracyM: undefined,
        satellites: 9,
        hdop: 0.8,
      },
    ]);
  });

  it("has one fix for each position that comes, and none of what is old or not there", () => {
    const { clock, fake, sink, position } = rig();
    fake.set("Fix.Altitude", 48_900, clock.wallUs() - 3_000_001);
    position(1, 2);
    clock.advance(1000);
    expect(sink.fixes).toHaveLength(1);
    expect(sink.fixes[0]).toMatchObject({ mode: "2d", altitudeM: undefined });
    clock.advance(2000);
    expect(sink.said).toEqual([
      "up: the signals of the position come",
      "quiet: the signals of the position do not come",
    ]);
  });

  it("takes what NMEA 2000 sends for 'not available' for no fix", () => {
    const { sink, source, position } = rig();
    position(0x7fff_ffff, 0x7fff_ffff);
    expect([sink.fixes.length, sink.noFixes]).toEqual([0, 1]);
    expect(source.counters()).toEqual({ fixes: 0, malformed: 1 });
  });

  it("has its signals decoded while it runs", async () => {
    const { clock, fake, source } = rig();
    expect(fake.held.size).toBe(8);
    await source.stop();
    expect(fake.held.size).toBe(0);
    expect(clock.waiting()).toBe(0);
  });
});
