import { describe, expect, it } from "vitest";
import { releaseMemory } from "../../../agent/daemon/release-memory.ts";
import { startOptions } from "../../bench/agent/packed-program.ts";

describe("releaseMemory", () => {
  it("collects garbage before it gives pages back, so that what the garbage held is among them", () => {
    const steps: string[] = [];
    const release = (): number => steps.push("released");
    expect(releaseMemory(() => void steps.push("collected"), release)).toBe(2);
    expect(steps).toEqual(["collected", "released"]);
  });

  it("gives pages back where an older supervisor started Node without --expose-gc", () => {
    expect(releaseMemory(undefined, () => 40_000_000)).toBe(40_000_000);
    expect(releaseMemory(undefined, () => undefined)).toBeUndefined();
  });

  it("finds a collector and a heap that grows in small steps where causeway-start starts Node", () => {
    const { environment, options } = startOptions();
    expect(options).toEqual(expect.arrayContaining(["--expose-gc", "--disable-sigusr1"]));
    expect(options.some((option) => /^--heap-growing-percent=[1-9]\d?$/.test(option))).toBe(true);
    expect(environment).toEqual(["MALLOC_ARENA_MAX=2"]);
  });

  it("does not let a benchmark run with other options than a vehicle", () => {
    expect(() => startOptions('exec "$program/node" "$program/agent/main.js" "$@"')).toThrow(/mend startOptions/);
  });
});
