import { describe, expect, it } from "vitest";
import { powerConfig } from "../../../config/power.ts";
import { powerProblems } from "../../../config/power-checks.ts";

const problemsOf = (power: unknown): readonly string[] =>
  powerProblems(powerConfig.parse(power), [{ name: "can0" }]).map(
    ({ path, message }) => `${path.join(".")}: ${message}`,
  );

describe("power", () => {
  it("takes its orders of logind, and no taps, where nothing else is said", () => {
    const { sleep, wake } = powerConfig.parse({ sleep: {}, wake: {} });
    expect(sleep?.manager).toBe("logind");
    expect([wake?.modem, wake?.program]).toEqual([false, undefined]);
  });

  it("refuses suspend where nobody is asked for it, and a program without an absolute path", () => {
    expect(problemsOf({ sleep: { suspend: true } })).toEqual([]);
    expect(problemsOf({ sleep: { suspend: true, manager: "none" } })).toEqual([
      expect.stringMatching(/^power\.sleep\.suspend: nobody is asked/),
    ]);
    expect(powerConfig.safeParse({ sleep: {}, wake: { program: "taps" } }).success).toBe(false);
  });
});
