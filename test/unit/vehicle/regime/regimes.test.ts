import { describe, expect, it } from "vitest";
import { Regimes } from "../../../../agent/vehicle/regime/regimes.ts";
import { powerRegimes } from "../../../../config/power-regimes.ts";
import { FakeVehicleStates } from "../../../fakes/vehicle/vehicle-states.ts";

function regimesOf(settings: unknown) {
  const states = new FakeVehicleStates();
  return { states, regimes: new Regimes(powerRegimes.parse(settings), states) };
}

describe("Regimes", () => {
  it("lets everything go on in a state that nothing is said of", () => {
    const { regimes } = regimesOf({});
    expect(regimes.now()).toEqual({ collect: "on", campaigns: "on", updates: "on", diagnostics: "on" });
    expect(regimes.held()).toEqual([]);
    expect(regimes.isPaused("default", true)).toBe(false);
    expect(regimes.isPaused("braking", false)).toBe(false);
    expect(regimes.refusal("updates")).toBeUndefined();
  });

  it("goes by the state of the moment, and says what holds and where that is written", () => {
    const { states, regimes } = regimesOf({ driving: { updates: "hold" }, "asleep-soon": { diagnostics: "off" } });
    expect(regimes.refusal("updates")).toBeUndefined();
    states.enter("driving");
    expect(regimes.refusal("updates")).toBe("the vehicle is driving: power.states.driving.updates is hold");
    expect(regimes.refusal("diagnostics")).toBeUndefined();
    states.enter("asleep-soon");
    expect(regimes.refusal("diagnostics")).toBe(
      "the vehicle is asleep-soon: power.states.asleep-soon.diagnostics is off",
    );
  });

  it("says for people what is otherwise", () => {
    const publish = { only: ["event"], everySeconds: 60 };
    const parked = { collect: "off", campaigns: ["theft"], publish, keepAliveSeconds: 600, updates: "hold" };
    expect(regimesOf({ parked }).regimes.held()).toEqual([
      "nothing is collected by collect.rules",
      "campaigns theft alone",
      "published: event, the rest every 60 s",
      "keep-alive 600 s",
      "no update is installed",
    ]);
  });

  it("pauses the rules of collection and campaigns apart, and lets those go on that are named", () => {
    const { states, regimes } = regimesOf({
      parked: { collect: "off", campaigns: ["theft"] },
      "asleep-soon": { campaigns: "off" },
    });
    expect(regimes.isPaused("default", true)).toBe(true);
    expect([regimes.isPaused("theft", false), regimes.isPaused("braking", false)]).toEqual([false, true]);
    states.enter("asleep-soon");
    expect([regimes.isPaused("default", true), regimes.isPaused("theft", false)]).toEqual([false, true]);
  });
});
