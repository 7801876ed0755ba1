import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  LEAST_INTERVAL_MS,
  SchemeTrigger,
  type SchemeTriggerSettings,
} from "../../../../agent/fleetwise/collect/scheme-trigger.ts";

const SEED = 20_261_129;
const STEP_MS = 10;
type Result = "true" | "false" | "unknown";
const NUMBERS: Readonly<Record<Result, number>> = { true: 1, false: 0, unknown: Number.NaN };

/** Events and when their samples were taken, "event-until" in ms; `results` come a step apart from 0, an absent one is no evaluation. */
function run(settings: SchemeTriggerSettings, results: readonly (Result | undefined)[]): string[] {
  const taken: string[] = [];
  const trigger = new SchemeTrigger(settings, (eventUs, untilUs) => taken.push(`${eventUs / 1000}-${untilUs / 1000}`));
  results.forEach((result, step) => {
    const nowUs = step * STEP_MS * 1000;
    // As the board does: what is due comes before what is noted.
    while (trigger.dueUs <= nowUs) trigger.expire(trigger.dueUs);
    if (result !== undefined) trigger.take(NUMBERS[result], nowUs);
  });
  return taken;
}

/** The same by looking at each step at all that FWE says, and at nothing in between. */
function model({ intervalMs, afterMs, risingEdge }: SchemeTriggerSettings, results: readonly (Result | undefined)[]) {
  const taken: string[] = [];
  let isTrue = false;
  let wasTrue = true;
  let last: number | undefined;
  let open: number | undefined;
  const look = (now: number): void => {
    if (!isTrue) {
      if (last !== undefined) wasTrue = false;
      return;
    }
    if (last === undefined || now < last + Math.max(LEAST_INTERVAL_MS, intervalMs)) return;
    const isEdge = !wasTrue;
    wasTrue = true;
    if (open !== undefined || (risingEdge && !isEdge)) return;
    last = now;
    if (afterMs === 0) taken.push(`${now}-${now}`);
    else open = now;
  };
  results.forEach((result, step) => {
    const now = step * STEP_MS;
    if (open !== undefined && now >= open + afterMs) {
      taken.push(`${open}-${now}`);
      open = undefined;
    }
    look(now);
    if (result === undefined) return;
    last ??= now;
    isTrue = result === "true";
    look(now);
  });
  return taken;
}

const settings = (given: Partial<SchemeTriggerSettings> = {}) => ({
  intervalMs: 100,
  afterMs: 0,
  risingEdge: false,
  ...given,
});
const times = (count: number, result: Result | undefined): (Result | undefined)[] =>
  Array.from({ length: count }, () => result);

describe("a trigger that counts again and again", () => {
  it("fires when the interval has passed, at first since it began, and as long as the condition is true", () => {
    expect(run(settings(), ["true", ...times(35, undefined), "false", ...times(30, undefined)])).toEqual([
      "100-100",
      "200-200",
      "300-300",
    ]);
  });

  it("does not fire for a condition that is not known", () => {
    expect(run(settings(), ["unknown", ...times(50, undefined), "false", ...times(50, undefined)])).toEqual([]);
  });

  it("fires no more often than every 10 ms, whatever is asked", () => {
    expect(run(settings({ intervalMs: 0 }), ["true", ...times(4, undefined)])).toHaveLength(4);
  });
});

describe("a trigger on rising edges", () => {
  const rising = (given: Partial<SchemeTriggerSettings> = {}) => settings({ risingEdge: true, ...given });

  it("needs to see the condition false or unknown first", () => {
    expect(run(rising(), [...times(20, "true"), "unknown", "true"])).toEqual(["210-210"]);
    expect(run(rising(), ["false", ...times(20, undefined), ...times(20, "true")])).toEqual(["210-210"]);
  });

  it("takes an edge within the interval when that is over, if the condition is still true", () => {
    expect(run(rising(), ["false", "true", ...times(20, undefined)])).toEqual(["100-100"]);
    expect(run(rising(), ["false", "true", "false", ...times(20, undefined)])).toEqual([]);
  });
});

describe("the time after an event", () => {
  it("is waited for, and there is no other event in it", () => {
    const found = run(settings({ afterMs: 250 }), ["true", ...times(60, undefined)]);
    expect(found).toEqual(["100-350", "350-600"]);
  });
});

describe("any trigger", () => {
  it("fires as one that looks at every step", () => {
    const result = fc.option(fc.constantFrom<Result>("true", "false", "unknown"), { nil: undefined, freq: 3 });
    const given = fc.record({
      intervalMs: fc.integer({ min: 0, max: 12 }).map((steps) => steps * STEP_MS),
      afterMs: fc.integer({ min: 0, max: 8 }).map((steps) => steps * STEP_MS),
      risingEdge: fc.boolean(),
    });
    fc.assert(
      fc.property(given, fc.array(result, { maxLength: 80 }), (of, results) => {
        expect(run(of, results)).toEqual(model(of, results));
      }),
      { seed: SEED, numRuns: 2000 },
    );
  });

  it("follows the wall clock: what it waits for stays as far away as it was", () => {
    const taken: number[] = [];
    const trigger = new SchemeTrigger(settings({ afterMs: 50 }), (eventUs) => taken.push(eventUs));
    trigger.take(1, 0);
    trigger.shift(7_000_000);
    expect(trigger.dueUs).toBe(7_100_000);
    trigger.expire(7_100_000);
    trigger.shift(-7_000_000);
    expect(trigger.dueUs).toBe(150_000);
    trigger.expire(150_000);
    expect(taken).toEqual([100_000]);
    expect(trigger.fired).toBe(1);
  });
});
