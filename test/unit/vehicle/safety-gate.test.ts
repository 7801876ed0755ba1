import { describe, expect, it } from "vitest";
import { buildSafetyGate } from "../../../agent/vehicle/safety-gate.ts";
import { ClockSteps } from "../../../agent/vehicle/time/clock-steps.ts";
import type { ConditionConfig } from "../../../config/catalogue.ts";
import { FakeSignals } from "../../fakes/commands/vehicle-signals.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { tableOf } from "../../fakes/telemetry/table.ts";

const STATES = [
  { state: "error", first: 254, last: 254 },
  { state: "not available", first: 255, last: 255 },
] as const;
const TABLE = tableOf([
  {
    name: "Motion",
    signals: [
      { name: "Speed", factor: 0.1 },
      { name: "Gear" },
      { name: "Load", kind: "double" },
      { name: "Torque", bits: 8, states: STATES },
    ],
  },
]);
const PARKED: ConditionConfig = {
  signals: { speed: "Motion.Speed", gear: "Motion.Gear" },
  maxAgeMs: 2000,
  all: ["speed < 1.0", "gear == 0.0 || gear == 1.0"],
};

function gateOf(condition = PARKED) {
  const clock = new ManualClock();
  const vehicle = new FakeSignals(TABLE);
  const steps = new ClockSteps(clock);
  steps.watch();
  const built = buildSafetyGate(condition, { signals: vehicle.signals, steps, clock });
  const reason = () =>
    built.kind === "gate"
      ? (built.gate.check() ?? "may act")
      : built.problems.map(({ path, problem }) => `${path.join(".")}: ${problem}`).join("\n");
  const receive = (speed: number, gear: number, ageMs = 0): void => {
    vehicle.set("Motion.Speed", speed, clock.wallUs() - ageMs * 1000);
    vehicle.set("Motion.Gear", gear, clock.wallUs());
  };
  return { clock, vehicle, reason, receive };
}

describe("a safety gate", () => {
  it("lets it act while every signal is fresh and every clause is true", () => {
    const { reason, receive } = gateOf();
    receive(9, 1);
    expect(reason()).toBe("may act");
  });

  it("has its signals decoded from the start", () => {
    expect([...gateOf().vehicle.held]).toEqual(["safety gate: Motion.Speed", "safety gate: Motion.Gear"]);
  });

  it("names the first clause that is false, with the values", () => {
    const { reason, receive } = gateOf();
    receive(10, 3);
    expect(reason()).toBe("speed < 1.0 is not true: speed = 1, gear = 3");
    receive(0, 3);
    expect(reason()).toBe("gear == 0.0 || gear == 1.0 is not true: speed = 0, gear = 3");
  });

  it("denies what was never received", () => {
    expect(gateOf().reason()).toBe("Motion.Speed was never received");
  });

  it("denies what is older than allowed, and what claims to come from the future", () => {
    const { clock, reason, receive } = gateOf();
    receive(0, 0, 2000);
    expect(reason()).toBe("may act");
    clock.advance(1);
    expect(reason()).toBe("Motion.Speed is 2001 ms old, at most 2000 are allowed");
    receive(0, 0, -2001);
    expect(reason()).toBe("Motion.Speed is -2001 ms old, at most 2000 are allowed");
  });

  it("denies a signal that says a state in the place of a number", () => {
    const { clock, vehicle, reason, receive } = gateOf({
      ...PARKED,
      signals: { ...PARKED.signals, torque: "Motion.Torque" },
    });
    receive(0, 0);
    for (const [raw, state] of [
      [254, "an error"],
      [255, "not available"],
    ] as const) {
      vehicle.set("Motion.Torque", raw, clock.wallUs());
      expect(reason()).toBe(`Motion.Torque is ${state}`);
    }
    vehicle.set("Motion.Torque", 250, clock.wallUs());
    expect(reason()).toBe("may act");
  });

  it("denies what is not a number", () => {
    const { clock, vehicle, reason } = gateOf({
      signals: { load: "Motion.Load" },
      maxAgeMs: 2000,
      all: ["load < 1.0 || load >= 1.0"],
    });
    vehicle.set("Motion.Load", Number.NaN, clock.wallUs());
    expect(reason()).toBe("Motion.Load is NaN");
  });

  it("denies for as long as a step of the clock may make an old signal look fresh", () => {
    const { clock, reason, receive } = gateOf();
    receive(0, 0);
    clock.advance(3_600_000);
    expect(reason()).toMatch(/^Motion.Speed is 3600000 ms old/);
    clock.stepWall(-3_600_000_000);
    expect(reason()).toBe("the clock was set, and the age of the signals is not known yet");
    clock.advance(2001);
    expect(reason()).toMatch(/^Motion.Speed is 2001 ms old/);
    receive(0, 0);
    expect(reason()).toBe("may act");
  });

  it.each([
    [
      "a signal that there is not",
      { ...PARKED, signals: { speed: "Motion.Sped", gear: "Motion.Gear" } },
      "signals.speed: there is no signal Motion.Sped",
    ],
    ["a variable that there is not", { ...PARKED, all: ["spd < 1.0"] }, /^all\.0: Unknown variable: spd/],
    ["what is not a truth value", { ...PARKED, all: ["speed < 1.0", "speed"] }, "all.1: is double, not bool"],
    ["what is not CEL", { ...PARKED, all: ["speed <"] }, /^all\.0: /],
    ["a way out of the language", { ...PARKED, all: ["speed.constructor == 1"] }, /^all\.0: /],
  ])("is not built from %s", (_what, condition, problem) => {
    const { reason } = gateOf(condition);
    if (typeof problem === "string") expect(reason()).toBe(problem);
    else expect(reason()).toMatch(problem);
  });
});
