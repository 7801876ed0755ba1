import { describe, expect, it } from "vitest";
import { composePlace } from "../../../agent/daemon/compose-place.ts";
import { FrameBatch } from "../../../agent/ports/frame.ts";
import { createSignalTable } from "../../../agent/signals/build-table.ts";
import { parseDbc } from "../../../agent/signals/dbc/parse.ts";
import { LatestSignals } from "../../../agent/signals/latest-signals.ts";
import { KnownPosition } from "../../../agent/telemetry/known-position.ts";
import { VehicleFacts } from "../../../agent/telemetry/vehicle-facts.ts";
import { locationTable } from "../../../agent/vehicle/place/location-table.ts";
import { ClockSteps } from "../../../agent/vehicle/time/clock-steps.ts";
import { placeConfig } from "../../../config/place.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { MemoryLog } from "../../fakes/core/log.ts";

const DBC = `BO_ 256 Gps: 8 X
 SG_ Lat : 0|32@1- (1e-7,0) [-90|90] "deg" X
 SG_ Lon : 32|32@1- (1e-7,0) [-180|180] "deg" X
BO_ 512 Drive: 8 X
 SG_ Speed : 0|16@1+ (0.01,0) [0|0] "km/h" X
`;

function rig() {
  const clock = new ManualClock();
  const sources = [{ bus: "can0", database: parseDbc(DBC).database }, locationTable("agent.yaml:1")];
  const table = createSignalTable(sources);
  const settings = placeConfig.parse({ sources: [{ kind: "signals", latitude: "Gps.Lat", longitude: "Gps.Lon" }] });
  const forgotten: string[][] = [];
  const pipeline = {
    takePdu: () => undefined,
    forgetLatest: (messages: typeof table.messages) =>
      void forgotten.push(messages.map(({ name, firstSignal }) => `${name}.${table.signals[firstSignal].name}`)),
  };
  const signals = new LatestSignals(table, { latestOf: () => undefined });
  const vehicle = { signals, steps: new ClockSteps(clock), clock, facts: new VehicleFacts() };
  const place = composePlace(
    {
      settings,
      loaded: {
        checkedTable: { table, sources },
        config: { commands: undefined, place: settings },
        locate: () => "agent.yaml:1",
      },
      line: { pipeline, position: new KnownPosition(), vehicle },
      wanted: { hold: () => () => undefined },
    },
    { clock, log: new MemoryLog(), random: () => 0 },
  );
  let isShared = true;
  place.rules.add(() => isShared);
  const share = (is: boolean): void => {
    isShared = is;
  };
  return { clock, place, forgotten, share };
}

const SAYING = [
  "Gps.Lat",
  ...["latitude", "altitude", "speed", "course", "accuracy", "satellites", "hdop"].map((part) => `location.${part}`),
];

describe("composePlace", () => {
  it("has the newest positions forgotten when they begin to stay in the vehicle, whether there is a fix or not", async () => {
    const { clock, place, forgotten, share } = rig();
    await place.service.start();
    clock.advance(5000);
    expect(forgotten).toEqual([]);
    share(false);
    clock.advance(5000);
    expect(forgotten).toEqual([SAYING]);
    share(true);
    clock.advance(1000);
    share(false);
    clock.advance(1000);
    expect(forgotten).toHaveLength(2);
    await place.service.stop();
    expect(clock.waiting()).toBe(0);
  });

  it("has them forgotten before the next batch is seen", () => {
    const { place, forgotten, share } = rig();
    const sink = place.besides("can0", { onFrames: () => undefined, onState: () => undefined });
    sink.onFrames(new FrameBatch(4));
    share(false);
    sink.onFrames(new FrameBatch(4));
    expect(forgotten).toHaveLength(1);
  });
});
