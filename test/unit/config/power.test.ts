import { describe, expect, it } from "vitest";
import { diagnosticsConfig } from "../../../config/diagnostics.ts";
import { powerConfig } from "../../../config/power.ts";
import { powerProblems } from "../../../config/power-checks.ts";

const problemsOf = (power: unknown, diagnostics?: unknown): readonly string[] => {
  const asked = diagnostics === undefined ? undefined : diagnosticsConfig.parse(diagnostics);
  return powerProblems(powerConfig.parse(power), [{ name: "can0" }, { name: "can1" }], asked).map(
    ({ path, message }) => `${path.join(".")}: ${message}`,
  );
};

describe("power", () => {
  it("takes its orders of logind, and no taps, where nothing else is said", () => {
    const { sleep, wake } = powerConfig.parse({ sleep: {}, wake: {} });
    expect(sleep?.manager).toBe("logind");
    expect([wake?.modem, wake?.program]).toEqual([false, undefined]);
  });

  it("refuses the life on a bus that the agent itself keeps alive", () => {
    const silence = (buses?: readonly string[]) => ({
      state: { ignition: [{ from: "command" }, { from: "bus-silence", buses }] },
    });
    const condition = { signals: { kl15: "Body.Terminal15" }, all: ["kl15 > 0.5"] };
    const asks = (how: object, what: object = { obd: {} }) => ({
      buses: [{ bus: "can1" }, { bus: "can0", transmit: { ...how }, ...what }],
    });
    const refused = [
      expect.stringMatching(
        /^power\.state\.ignition\.1: can0 is never silent: diagnostics\.buses\.1\.transmit\.condition/,
      ),
    ];
    expect(problemsOf(silence(), asks({ condition: "always" }))).toEqual(refused);
    expect(problemsOf(silence(["can0"]), asks({ condition: "always" }, { uds: { ecus: ["body"] } }))).toEqual(refused);
    expect(problemsOf(silence(["can1"]), asks({ condition: "always" }))).toEqual([]);
    expect(problemsOf(silence(), asks({ condition }))).toEqual([]);
    expect(problemsOf(silence(), asks({ condition: "always" }, {}))).toEqual([]);
  });

  it("refuses suspend where nobody is asked for it, and a program without an absolute path", () => {
    expect(problemsOf({ sleep: { suspend: true } })).toEqual([]);
    expect(problemsOf({ sleep: { suspend: true, manager: "none" } })).toEqual([
      expect.stringMatching(/^power\.sleep\.suspend: nobody is asked/),
    ]);
    expect(powerConfig.safeParse({ sleep: {}, wake: { program: "taps" } }).success).toBe(false);
  });
});
