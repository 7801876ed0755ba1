import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { TriggerSettings } from "../../../../agent/telemetry/expressions/trigger.ts";
import { triggerBoard } from "./board.ts";

const SEED = 20_261_130;
const END_MS = 4000;

/** A sample of x (the condition) or y (the release) so long after the one before. */
type Step = { readonly of: "x" | "y"; readonly afterMs: number; readonly value: number };
type Change = { readonly atMs: number; readonly value: number };
type Run = { readonly fromMs: number; readonly toMs: number };

const step: fc.Arbitrary<Step> = fc.record({
  of: fc.constantFrom("x", "x", "y"),
  afterMs: fc.constantFrom(1, 2, 3, 5, 9, 10, 11, 20, 29, 30, 31),
  value: fc.constantFrom(0, 0, 1, 1, 1, Number.NaN),
});
const settings = fc.record({
  mode: fc.constantFrom("rising", "while"),
  forMs: fc.constantFrom(0, 1, 10, 30),
  minIntervalMs: fc.constantFrom(0, 10, 30, 100),
  maxCount: fc.constantFrom(undefined, 1, 3),
  hasRelease: fc.boolean(),
});

/** The value of a signal at every millisecond, after the frame of that time; NaN: undefined. */
function levelsOf(steps: readonly Step[], of: "x" | "y"): readonly number[] {
  let atMs = 0;
  const changes: Change[] = steps.flatMap((one) => {
    atMs += one.afterMs;
    return one.of === of ? [{ atMs, value: one.value }] : [];
  });
  return Array.from(
    { length: END_MS + 1 },
    (_, ms) => changes.findLast((change) => change.atMs <= ms)?.value ?? Number.NaN,
  );
}

/** The stretches in which a signal is 1; `toMs` is the first moment at which it no longer is. */
function runsOf(levels: readonly number[]): readonly Run[] {
  const starts = levels.flatMap((value, ms) => (value === 1 && levels[ms - 1] !== 1 ? [ms] : []));
  return starts.map((fromMs) => {
    const toMs = levels.findIndex((value, ms) => ms > fromMs && value !== 1);
    return { fromMs, toMs: toMs < 0 ? END_MS : toMs };
  });
}

/** What a trigger of mode "rising" should do: each run of true looked at alone. */
function risingEvents(x: readonly number[], y: readonly number[], given: TriggerSettings): readonly string[] {
  const events: string[] = [];
  let firedMs: number | undefined;
  let takenMs: number | undefined;
  for (const { fromMs, toMs } of runsOf(x)) {
    const atMs = fromMs + given.forMs;
    if (atMs > toMs) continue;
    const releasedMs =
      given.hasRelease && firedMs !== undefined ? y.findIndex((value, ms) => ms >= (firedMs ?? 0) && value === 1) : 0;
    const from = Math.max(takenMs ?? 0, releasedMs < 0 ? Number.POSITIVE_INFINITY : releasedMs);
    const wasFalse = x.some((value, ms) => ms >= from && ms < fromMs && value === 0);
    if (takenMs !== undefined && !wasFalse) continue;
    takenMs = atMs;
    const isTooSoon = firedMs !== undefined && atMs < firedMs + given.minIntervalMs;
    if (isTooSoon || events.length === given.maxCount) continue;
    firedMs = atMs;
    events.push(`begin ${atMs}`);
  }
  return events;
}

/** What a trigger of mode "while" should do. */
function whileEvents(x: readonly number[], y: readonly number[], given: TriggerSettings): readonly string[] {
  const events: string[] = [];
  let begun: number | undefined;
  let endedMs = -1;
  for (const { fromMs, toMs } of runsOf(x)) {
    if (toMs <= endedMs || endedMs === Number.POSITIVE_INFINITY) continue;
    const atMs = Math.max(fromMs + given.forMs, begun === undefined ? 0 : begun + given.minIntervalMs);
    if (atMs > toMs || (begun !== undefined && fromMs < endedMs)) continue;
    if (events.filter((event) => event.startsWith("begin")).length === given.maxCount) continue;
    begun = atMs;
    events.push(`begin ${atMs}`);
    const end = x.findIndex((value, ms) => {
      return ms >= atMs && value !== 1 && (!given.hasRelease || Number.isNaN(value) || y[ms] === 1);
    });
    endedMs = end < 0 ? Number.POSITIVE_INFINITY : end;
    if (end >= 0) events.push(`end ${end}`);
  }
  return events;
}

function play(steps: readonly Step[], given: TriggerSettings): readonly string[] {
  const { board, events } = triggerBoard("x > 0.5", given, given.hasRelease ? "y > 0.5" : undefined, 1e6);
  let atMs = 0;
  for (const { of, afterMs, value } of steps) {
    atMs += afterMs;
    board.note(of === "x" ? 0 : 1, value, atMs * 1000);
    board.settle(atMs * 1000);
  }
  board.tick(END_MS * 1000);
  return events;
}

describe("Trigger against a model", () => {
  it(`fires as the runs of true say (seed ${SEED})`, () => {
    const fired = { rising: 0, while: 0 };
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 100 }), settings, (steps, given) => {
        const [x, y] = [levelsOf(steps, "x"), levelsOf(steps, "y")];
        const expected = given.mode === "rising" ? risingEvents(x, y, given) : whileEvents(x, y, given);
        fired[given.mode] += expected.length;
        expect(play(steps, given)).toEqual(expected);
      }),
      { seed: SEED, numRuns: 1500 },
    );
    expect(Math.min(fired.rising, fired.while)).toBeGreaterThan(500);
  });
});
