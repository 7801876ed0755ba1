import { describe, expect, it } from "vitest";
import { createSignalTable } from "../../../../agent/signals/build-table.ts";
import type { Fix } from "../../../../agent/vehicle/place/fix.ts";
import { LocationSignals } from "../../../../agent/vehicle/place/location-signals.ts";
import { locationTable } from "../../../../agent/vehicle/place/location-table.ts";
import { placeGate } from "../../../../agent/vehicle/place/place-gate.ts";
import type { PositionSink, PositionSource } from "../../../../agent/vehicle/place/position-source.ts";
import { Whereabouts } from "../../../../agent/vehicle/place/whereabouts.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { fixOf } from "../../../fakes/place/position-sink.ts";

/** A source that says what the test wants. */
class FakeSource implements PositionSource {
  readonly name: string;
  sink: PositionSink | undefined;

  constructor(name: string) {
    this.name = name;
  }

  start(sink: PositionSink): void {
    this.sink = sink;
  }

  async stop(): Promise<void> {
    this.sink = undefined;
  }

  counters() {
    return { fixes: 0, malformed: 0 };
  }
}

function rig({ everyMs = 0 } = {}) {
  const clock = new ManualClock();
  const table = createSignalTable([locationTable("agent.yaml:1")]);
  table.want(new Uint8Array(table.signals.length).fill(1));
  const samples: string[] = [];
  const signals = new LocationSignals(table, (message, bytes, timeUs) => {
    message.decode(bytes, 0, bytes.length, table.values, table.wides, table.present);
    for (const signal of table.signals.slice(message.firstSignal, message.firstSignal + message.signalCount)) {
      const value = table.values[signal.index] * signal.factor;
      samples.push(`${signal.message}.${signal.name}=${Number(value.toPrecision(9))}@${timeUs - clock.wallUs()}`);
    }
  });
  const privacy = { isShared: true };
  const gate = placeGate({ isShared: () => privacy.isShared, precisionMetres: () => 0 });
  const sources = [new FakeSource("gpsd"), new FakeSource("nmea")];
  const settings = { staleMs: 5000, returnMs: 10_000, everyMs };
  const states: string[] = [];
  const onState = (source: string, state: string, what: string): void => void states.push(`${source} ${state} ${what}`);
  const whereabouts = new Whereabouts({ sources, gate, signals, settings, clock, onState });
  whereabouts.start();
  const fix = (given: Partial<Fix> = {}, source = 0): void =>
    sources[source].sink?.onFix(fixOf({ receivedAtUs: clock.wallUs(), ...given }));
  return { clock, whereabouts, sources, samples, privacy, states, fix };
}

describe("Whereabouts", () => {
  it("makes samples of what a fix says, each in its unit, and none of what it does not", () => {
    const { samples, fix } = rig();
    fix({ latitude: -33.8567844, longitude: 151.2152967, altitudeM: -3.5, speedMps: 10, courseDeg: 359.99 });
    fix({ accuracyM: 2.34, satellites: 11, hdop: 0.8, latitude: 1, longitude: -0.0000001 });
    expect(samples.slice(0, 6)).toEqual([
      "location.fix=3@0",
      "location.latitude=-33.8567844@0",
      "location.longitude=151.215297@0",
      "location.altitude=-3.5@0",
      "location.speed=36@0",
      "location.course=359.99@0",
    ]);
    expect(samples).toContain("location.accuracy=2.34@0");
    expect(samples).toContain("location.satellites=11@0");
    expect(samples).toContain("location.hdop=0.8@0");
    expect(samples).toContain("location.longitude=-1e-7@0");
  });

  it("tells of a second fix of the same moment only what is new", () => {
    const { clock, samples, fix } = rig();
    const timeUs = clock.wallUs() - 100_000;
    fix({ mode: "2d", timeUs });
    fix({ mode: "3d", timeUs, altitudeM: 5 });
    expect(samples.filter((sample) => sample.includes("latitude"))).toHaveLength(1);
    expect(samples.slice(-2)).toEqual(["location.fix=3@-100000", "location.altitude=5@-100000"]);
  });

  it("says once that there is no fix any more, when the receiver does or it is old", () => {
    const { clock, whereabouts, sources, samples, fix } = rig();
    fix();
    expect(whereabouts.current()).toEqual({ latitude: 48.3687, longitude: 10.8986, timeUs: clock.wallUs() });
    clock.advance(5000);
    expect(whereabouts.current()).toBeDefined();
    clock.advance(1000);
    expect(whereabouts.current()).toBeUndefined();
    clock.advance(10_000);
    expect(samples.filter((sample) => sample.startsWith("location.fix=0"))).toHaveLength(1);
    fix();
    const lastMs = whereabouts.lastFixMs();
    sources[0].sink?.onNoFix();
    expect(whereabouts.current()).toBeUndefined();
    expect(whereabouts.lastFixMs()).toBe(lastMs);
    sources[0].sink?.onNoFix();
    expect(samples.filter((sample) => sample.startsWith("location.fix=0"))).toHaveLength(2);
  });

  it("believes no receiver that says the same moment over and over", () => {
    const { clock, whereabouts, fix } = rig();
    const timeUs = clock.wallUs();
    for (let count = 0; count < 12; count++) {
      fix({ timeUs });
      clock.advance(1000);
    }
    expect(whereabouts.current()).toBeUndefined();
    fix({ timeUs: timeUs + 12_000_000 });
    expect(whereabouts.current()).toBeDefined();
  });

  it("knows after a suspend that it does not know", () => {
    const { clock, whereabouts, fix } = rig();
    fix();
    clock.suspend(3_600_000);
    expect(whereabouts.current()).toBeUndefined();
    fix();
    expect(whereabouts.current()).toBeDefined();
  });

  it("goes by the source that counts", () => {
    const { clock, whereabouts, fix } = rig();
    fix({ latitude: 1 });
    fix({ latitude: 2 }, 1);
    expect(whereabouts.current()?.latitude).toBe(1);
    clock.advance(6000);
    fix({ latitude: 2 }, 1);
    expect(whereabouts.current()?.latitude).toBe(2);
    expect(whereabouts.sources().map(({ name, isChosen }) => [name, isChosen])).toEqual([
      ["gpsd", false],
      ["nmea", true],
    ]);
  });

  it("tells nothing while positions stay in the vehicle, and shows them to who keeps them there", () => {
    const { whereabouts, samples, privacy, fix } = rig();
    const seen: number[] = [];
    const end = whereabouts.onFix(({ fix: { latitude } }) => void seen.push(latitude));
    fix();
    privacy.isShared = false;
    expect(whereabouts.current()).toBeUndefined();
    samples.length = 0;
    fix({ latitude: 3 });
    fix({ latitude: 4 });
    expect(samples).toEqual(["location.fix=0@0"]);
    expect(seen).toEqual([48.3687, 3, 4]);
    expect(whereabouts.newest()?.fix.latitude).toBe(4);
    end();
    fix();
    expect(seen).toHaveLength(3);
  });

  it("says that there is no fix when positions begin to stay in the vehicle, before the next fix", () => {
    const { clock, samples, privacy, fix } = rig();
    fix();
    samples.length = 0;
    privacy.isShared = false;
    clock.advance(3000);
    expect(samples.map((sample) => sample.split("@")[0])).toEqual(["location.fix=0"]);
  });

  it("tells each trouble of a source once until it is up again", () => {
    const { sources, states, whereabouts } = rig();
    const trouble = (): void => {
      sources[0].sink?.onState("quiet", "no sentence", "");
      sources[0].sink?.onState("down", "closed", "");
    };
    for (let round = 0; round < 100; round++) trouble();
    expect(states).toEqual(["gpsd quiet no sentence", "gpsd down closed"]);
    expect(whereabouts.sources()[0]).toMatchObject({ state: "down", what: "closed" });
    sources[0].sink?.onState("up", "", "");
    trouble();
    expect(states).toHaveLength(5);
  });

  it("asks whoever decides on privacy with the fix itself, before it is told", () => {
    const { whereabouts, samples, privacy, fix } = rig();
    whereabouts.onFix(({ fix: { latitude } }) => {
      privacy.isShared = latitude < 50;
    });
    fix({ latitude: 51 });
    expect(samples).toEqual([]);
    fix({ latitude: 49 });
    expect(samples).toHaveLength(3);
  });

  it("goes by the receiver's time where the clock bears it out, else by when the fix came", () => {
    const { clock, samples, fix } = rig();
    const times = (): string[] =>
      samples.filter((sample) => sample.includes("latitude")).map((one) => one.split("@")[1]);
    fix({ timeUs: clock.wallUs() - 300_000 });
    // 1024 weeks off, as a receiver whose count of weeks has rolled over.
    fix({ timeUs: clock.wallUs() - 1024 * 7 * 86_400 * 1_000_000 });
    clock.setQuality("saved");
    fix({ timeUs: clock.wallUs() - 200_000, latitude: 1 });
    expect(times()).toEqual(["-300000", "0", "0"]);
  });

  it("makes no more samples than it is asked to", () => {
    const { clock, samples, fix } = rig({ everyMs: 1000 });
    for (let count = 0; count < 30; count++) {
      const timeUs = clock.wallUs();
      fix({ timeUs });
      fix({ timeUs, satellites: 4 + count });
      clock.advance(100);
    }
    expect(samples.filter((sample) => sample.includes("latitude"))).toHaveLength(3);
    const more = samples.filter((sample) => sample.includes("satellites")).map((sample) => sample.split("@")[0]);
    expect(more).toEqual([4, 14, 24].map((count) => `location.satellites=${count}`));
  });

  it("stops its sources", async () => {
    const { whereabouts, sources, states } = rig();
    sources[0].sink?.onState("down", "no", "");
    await whereabouts.stop();
    expect(sources.map(({ sink }) => sink)).toEqual([undefined, undefined]);
    expect(states).toEqual(["gpsd down no"]);
  });
});
