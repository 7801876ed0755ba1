import { describe, expect, it } from "vitest";
import type { SleepPhase } from "../../../../agent/vehicle/sleep/sleep-line.ts";
import { transmitRule } from "../../../../agent/vehicle/sleep/transmit-rule.ts";

/** Why not, by who asks: a plan, a command, and a command on a bus that it may wake. */
function refusals(phase: SleepPhase, silentMs: number, isIgnitionOn = false): readonly (string | undefined)[] {
  const may = transmitRule({
    phase: () => phase,
    isIgnitionOn: () => isIgnitionOn,
    silentMs: () => silentMs,
    quietMs: 5000,
    wakes: ["can1"],
  });
  return [may("can0", false), may("can0", true), may("can1", true)];
}

const thrice = (why: string): readonly string[] => [why, why, why];
const QUIET = "bus can0 is quiet: a frame would wake control units (power.sleep.wakesBuses)";

describe("transmitRule", () => {
  it("lets nobody send while the vehicle sleeps or is on its way, ignition or not", () => {
    for (const isOn of [false, true]) {
      expect(refusals("asleep", 0, isOn)).toEqual(thrice("the vehicle is asleep"));
      expect(refusals("going", 0, isOn)).toEqual(thrice("the vehicle is going to sleep"));
    }
  });

  it("lets nobody send on a bus that went quiet, but a command where the configuration says so", () => {
    expect(refusals("awake", 4999)).toEqual([undefined, undefined, undefined]);
    expect(refusals("awake", 5000)).toEqual([QUIET, QUIET, undefined]);
  });

  it("lets only such a command send in a check-in", () => {
    const why = "the vehicle only checks in";
    expect(refusals("checking-in", 0)).toEqual([why, why, undefined]);
  });

  it("does not take a bus for asleep that is silent with the ignition on", () => {
    expect(refusals("awake", Number.POSITIVE_INFINITY, true)).toEqual([undefined, undefined, undefined]);
  });
});
