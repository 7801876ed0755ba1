import { describe, expect, it } from "vitest";
import { type SleepPhase, VehicleSleep } from "../../../../agent/vehicle/sleep/sleep-line.ts";
import type { SleepOrder, SleepStep } from "../../../../agent/vehicle/sleep/sleep-order.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";

const ORDER: SleepOrder = { kind: "asleep-soon", withinMs: 1000 };
const NAMES = ["quiet", "flush", "drain", "link", "alarm"];

/** Steps that take 100 ms each unless they are said to take another time; `infinite` ones never end. */
function createLine(takesMs: Readonly<Record<string, number>> = {}, keepsMs: Readonly<Record<string, number>> = {}) {
  const clock = new ManualClock();
  const log = new MemoryLog();
  const trace: string[] = [];
  const given: Record<string, number> = {};
  const steps = NAMES.map(
    (name): SleepStep => ({
      name,
      prepare: async (_, withinMs) => {
        trace.push(`+${name}`);
        given[name] = withinMs;
        const ms = takesMs[name] ?? 100;
        if (ms < 0) throw new Error("a fault of the step");
        await clock.sleep(ms);
        trace.push(`.${name}`);
      },
      resume: () => void trace.push(`-${name}`),
      ...(keepsMs[name] === undefined ? {} : { keepsMs: keepsMs[name] }),
    }),
  );
  const phases: SleepPhase[] = [];
  const line = new VehicleSleep({ steps, clock, log, onPhase: (phase) => void phases.push(phase) });
  return { clock, log, trace, given, line, phases };
}

describe("VehicleSleep", () => {
  it("takes its steps in order, is asleep then, and resumes them from the last to the first", async () => {
    const { clock, line, trace, phases } = createLine();
    const report = line.goToSleep(ORDER);
    expect(line.phase()).toBe("going");
    await clock.run(500);
    expect(await report).toEqual({ outcome: "ready", tookMs: 500, left: [] });
    expect(trace).toEqual(NAMES.flatMap((name) => [`+${name}`, `.${name}`]));
    trace.length = 0;
    line.wake();
    expect(trace).toEqual(NAMES.toReversed().map((name) => `-${name}`));
    expect(phases).toEqual(["going", "asleep", "awake"]);
  });

  it.each(NAMES)(
    "turns around cleanly in the middle of %s: resumes what had begun, and nothing else",
    async (middle) => {
      const { clock, line, trace, phases } = createLine();
      const report = line.goToSleep(ORDER);
      const index = NAMES.indexOf(middle);
      await clock.run(index * 100 + 50);
      expect(trace.at(-1)).toBe(`+${middle}`);
      trace.length = 0;
      line.wake();
      const begun = NAMES.slice(0, index + 1);
      expect(trace).toEqual(begun.toReversed().map((name) => `-${name}`));
      expect((await report).outcome).toBe("turned-back");
      await clock.run(5000);
      expect(trace.filter((entry) => entry.startsWith("+"))).toEqual([]);
      expect(phases).toEqual(["going", "awake"]);
    },
  );

  it("goes to sleep again at once after it turned around, through all steps", async () => {
    const { clock, line, trace } = createLine({ flush: 400 });
    void line.goToSleep(ORDER);
    await clock.run(150);
    line.wake();
    trace.length = 0;
    const again = line.goToSleep({ ...ORDER, withinMs: 5000 });
    await clock.run(2000);
    expect(await again).toMatchObject({ outcome: "ready", left: [] });
    expect(trace.filter((entry) => entry.startsWith("+"))).toEqual(NAMES.map((name) => `+${name}`));
    expect(line.phase()).toBe("asleep");
  });

  it("ends within its budget whatever steps do, and leaves the time that later ones keep", async () => {
    const { clock, line, given, log } = createLine({ drain: 1e9 }, { link: 200, alarm: 100 });
    const report = line.goToSleep(ORDER);
    await clock.run(1000);
    expect(await report).toEqual({ outcome: "ready", tookMs: 900, left: ["drain"] });
    expect(given).toEqual({ quiet: 700, flush: 600, drain: 500, link: 200, alarm: 200 });
    expect(log.of("sleep.step-late").map(({ facts }) => facts)).toEqual([{ step: "drain", tookMs: 500 }]);
  });

  it("leaves a step that fails, says so, and goes on", async () => {
    const { clock, line, log } = createLine({ flush: -1 });
    const report = line.goToSleep(ORDER);
    await clock.run(1000);
    expect(await report).toMatchObject({ outcome: "ready", left: ["flush"] });
    expect(log.of("sleep.step-failed")[0]?.facts).toEqual({ step: "flush", what: "a fault of the step" });
  });

  it("hurries when an order comes on the way that leaves less time, and not for one that leaves more", async () => {
    const { clock, line } = createLine({ drain: 1e9 }, { link: 100 });
    const report = line.goToSleep({ kind: "asked", withinMs: 60_000 });
    await clock.run(1000);
    const hurried = line.goToSleep({ kind: "low-supply", withinMs: 500 });
    expect(hurried).toBe(line.goToSleep({ kind: "suspend", withinMs: 5000 }));
    await clock.run(499);
    expect(line.phase()).toBe("going");
    await clock.run(1);
    expect((await report).outcome).toBe("ready");
    expect((await report).left).toContain("drain");
    expect(line.phase()).toBe("asleep");
  });

  it("answers at once while it is asleep", async () => {
    const { clock, line, trace } = createLine();
    void line.goToSleep(ORDER);
    await clock.run(1000);
    trace.length = 0;
    expect(await line.goToSleep({ kind: "suspend", withinMs: 4000 })).toEqual({
      outcome: "ready",
      tookMs: 0,
      left: [],
    });
    expect(trace).toEqual([]);
  });

  it("resumes every step after a sleep that nobody announced", () => {
    const { line, trace, phases } = createLine();
    line.wake();
    expect(trace).toEqual(NAMES.toReversed().map((name) => `-${name}`));
    expect(phases).toEqual([]);
  });

  it("wakes to a check-in, which ends in sleep again, or in being awake without anything made anew", async () => {
    const { clock, line, trace, phases } = createLine();
    void line.goToSleep(ORDER);
    await clock.run(1000);
    line.wake("checking-in");
    void line.goToSleep(ORDER);
    await clock.run(1000);
    line.wake("checking-in");
    trace.length = 0;
    line.stay();
    expect(trace).toEqual([]);
    expect(phases).toEqual(["going", "asleep", "checking-in", "going", "asleep", "checking-in", "awake"]);
  });
});
