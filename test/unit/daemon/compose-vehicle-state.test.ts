import { describe, expect, it } from "vitest";
import { composeVehicleState } from "../../../agent/daemon/compose-vehicle-state.ts";
import { VehicleFacts } from "../../../agent/telemetry/vehicle-facts.ts";
import { ClockSteps } from "../../../agent/vehicle/time/clock-steps.ts";
import { type PowerStateConfig, powerState } from "../../../config/power-state.ts";
import { FakeSignals } from "../../fakes/commands/vehicle-signals.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { tableOf } from "../../fakes/telemetry/table.ts";

const table = tableOf([{ name: "Body", signals: [{ name: "Terminal15", bits: 8 }] }]);

function bySignal(all: string): PowerStateConfig {
  const condition = { signals: { kl15: "Body.Terminal15" }, maxAgeMs: 2000, all: [all] };
  return powerState.parse({ ignition: [{ from: "signals", condition }], asleepAfterSeconds: 60 });
}

/** `settle` moves time, with a fresh value each 100 ms while `value` is one. */
function rig(settings: PowerStateConfig) {
  const clock = new ManualClock();
  const { signals, set } = ((fake) => ({ signals: fake.signals, set: fake.set.bind(fake) }))(new FakeSignals(table));
  const facts = new VehicleFacts();
  const line = { buses: [], vehicle: { signals, steps: new ClockSteps(clock), clock, facts } };
  const loaded = { locate: (path: readonly unknown[]) => path.join(".") };
  const made = composeVehicleState({ settings, loaded, line }, { clock, log: new MemoryLog() });
  const settle = (ms: number, value: number | undefined): void => {
    for (let passed = 0; passed < ms; passed += 100) {
      if (value !== undefined) set("Body.Terminal15", value, clock.wallUs());
      clock.advance(100);
    }
  };
  return { clock, facts, made, settle };
}

describe("the state of the vehicle, composed", () => {
  it("follows signals, and not their silence while the bus sleeps, and is known to campaigns", async () => {
    const { facts, made, settle } = rig(bySignal("kl15 > 0.5"));
    expect(facts.now()).toEqual({ state: "parked", trip: 0, isIgnitionOn: false });
    await made.services[0]?.start();
    settle(1000, 1);
    expect(facts.now()).toMatchObject({ state: "driving", isIgnitionOn: true });
    settle(6000, 0);
    expect(facts.now()).toMatchObject({ state: "parked", isIgnitionOn: false });
    settle(70_000, undefined);
    settle(300, 0);
    settle(10_000, undefined);
    expect(facts.now()).toMatchObject({ state: "asleep-soon" });
    expect(made.states.now().why).toBe("parked for 60 s");
    await made.services[0]?.stop();
  });

  it("holds a drive over a step of the clock, which makes signals unknown for a while", async () => {
    const { clock, made, settle } = rig(bySignal("kl15 > 0.5"));
    await made.services[0]?.start();
    settle(1000, 1);
    clock.stepWall(1e15);
    const changes: string[] = [];
    made.states.onChange(({ state }) => changes.push(state));
    settle(40_000, 1);
    expect(changes).toEqual([]);
  });

  it("names the place of a condition that cannot be used", () => {
    expect(() => rig(bySignal("kl15 +"))).toThrow(/power\.state\.ignition\.0\.condition\.all\.0/);
  });
});
