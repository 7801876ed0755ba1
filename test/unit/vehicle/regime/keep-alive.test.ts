import { describe, expect, it } from "vitest";
import { KeepAlive, SETTLED_MS } from "../../../../agent/vehicle/regime/keep-alive.ts";
import { Regimes } from "../../../../agent/vehicle/regime/regimes.ts";
import type { VehicleState } from "../../../../agent/vehicle/state/vehicle-state.ts";
import { powerRegimes } from "../../../../config/power-regimes.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";
import { FakeVehicleStates } from "../../../fakes/vehicle/vehicle-states.ts";

function keptAlive(settings: unknown, first: VehicleState = "driving") {
  const clock = new ManualClock();
  const states = new FakeVehicleStates();
  states.enter(first);
  const told: number[] = [];
  const vehicle = { staysAwake: true };
  const keepAlive = new KeepAlive({
    regimes: new Regimes(powerRegimes.parse(settings), states),
    usualSeconds: 60,
    mayReconnect: () => vehicle.staysAwake,
    broker: { keepAlive: (seconds) => void told.push(seconds) },
    clock,
    log: new MemoryLog(),
  });
  states.onChange(() => keepAlive.changed());
  return { clock, states, told, keepAlive, vehicle };
}

describe("KeepAlive", () => {
  it("changes it once a state has settled, and back to that of the broker", async () => {
    const { clock, states, told, keepAlive } = keptAlive({ parked: { keepAliveSeconds: 600 } });
    await clock.run(SETTLED_MS);
    keepAlive.tick();
    expect(told).toEqual([]);
    states.enter("parked");
    keepAlive.tick();
    await clock.run(SETTLED_MS - 1);
    keepAlive.tick();
    expect(told).toEqual([]);
    await clock.run(1);
    keepAlive.tick();
    keepAlive.tick();
    states.enter("asleep-soon");
    await clock.run(SETTLED_MS);
    keepAlive.tick();
    expect(told).toEqual([600, 60]);
  });

  it("begins with that of the state that the vehicle was left in", () => {
    const { told, keepAlive } = keptAlive({ parked: { keepAliveSeconds: 600 } }, "parked");
    expect(told).toEqual([600]);
    keepAlive.tick();
    expect(told).toEqual([600]);
    expect(keptAlive({ parked: { keepAliveSeconds: 600 } }).told).toEqual([]);
  });

  it("makes no connection while the vehicle sleeps or is about to, but once it does not", async () => {
    const { clock, states, told, keepAlive, vehicle } = keptAlive({ parked: { keepAliveSeconds: 600 } });
    states.enter("parked");
    vehicle.staysAwake = false;
    await clock.run(SETTLED_MS + 1000);
    keepAlive.tick();
    expect(told).toEqual([]);
    vehicle.staysAwake = true;
    keepAlive.tick();
    expect(told).toEqual([600]);
  });

  it("makes no connection for states that do not last", async () => {
    const { clock, states, told, keepAlive } = keptAlive({ parked: { keepAliveSeconds: 600 } });
    for (let turn = 0; turn < 50; turn++) {
      states.enter(turn % 2 === 0 ? "driving" : "parked");
      await clock.run(10_000);
      keepAlive.tick();
    }
    expect(told).toEqual([]);
  });
});
