import { describe, expect, it } from "vitest";
import type { IgnitionReading } from "../../../../agent/vehicle/state/ignition.ts";
import { VehicleStateLine } from "../../../../agent/vehicle/state/state-line.ts";
import type { VehicleStates } from "../../../../agent/vehicle/state/vehicle-state.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";
import { BookRig } from "../../../fakes/vehicle/book-rig.ts";
import { FakeVehicleStates } from "../../../fakes/vehicle/vehicle-states.ts";

type Subject = { readonly states: VehicleStates; readonly ignite: (isOn: boolean) => void };

async function ofLine(): Promise<Subject> {
  const clock = new ManualClock();
  const reading: { kind: IgnitionReading["kind"]; why: string } = { kind: "unknown", why: "test" };
  const debounce = { onMs: 0, offMs: 0, silentMs: 1000 };
  const states = new VehicleStateLine({
    sources: [{ name: "test", look: () => reading }],
    settings: { debounce, asleepAfterMs: 0 },
    book: new BookRig(clock).open(),
    clock,
    log: new MemoryLog(),
  });
  await states.start();
  return {
    states,
    ignite: (isOn) => {
      reading.kind = isOn ? "on" : "off";
      clock.advance(250);
    },
  };
}

async function ofFake(): Promise<Subject> {
  const states = new FakeVehicleStates();
  return { states, ignite: (isOn) => states.enter(isOn ? "driving" : "parked") };
}

describe.each([
  ["VehicleStateLine", ofLine],
  ["FakeVehicleStates", ofFake],
])("%s", (_name, open) => {
  it("is parked at first, and tells its changes in order until nobody listens", async () => {
    const { states, ignite } = await open();
    expect(states.now().state).toBe("parked");
    const told: string[] = [];
    const end = states.onChange((now, before) => told.push(`${before.state} > ${now.state} ${states.isIgnitionOn()}`));
    const endOther = states.onChange((now) => told.push(`other ${now.state}`));
    ignite(true);
    end();
    ignite(false);
    endOther();
    ignite(true);
    expect(told).toEqual(["parked > driving true", "other driving", "other parked"]);
    expect(states.now().state).toBe("driving");
  });
});
