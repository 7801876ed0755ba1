import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Trigger } from "../../../../agent/telemetry/expressions/trigger.ts";
import { firingsOf, type Moment } from "../../../bench/consumers/campaigns/trigger-model.ts";

const SEED = 20_261_129;

const flag = fc.constantFrom(true, true, false, false, undefined);
const moments: fc.Arbitrary<readonly Moment[]> = fc
  .array(fc.record({ afterMs: fc.constantFrom(1, 5, 10, 30), condition: flag, release: flag }), { maxLength: 40 })
  .map((steps) => {
    let timeUs = 1_000_000;
    return steps.map(({ afterMs, condition, release }, at) => {
      timeUs += afterMs * 1000;
      // Of two that change in one moment the order would count, which nothing promises.
      return { at, timeUs, condition, release: condition === false && release, values: {} };
    });
  });
const settings = fc.record({
  mode: fc.constantFrom("rising" as const, "while" as const),
  forMs: fc.constantFrom(0, 5, 20),
  minIntervalMs: fc.constantFrom(0, 10, 50),
  maxCount: fc.constantFrom(undefined, 1, 3),
  release: fc.constantFrom(undefined, "released"),
});

const numberOf = (value: boolean | undefined): number => (value === undefined ? Number.NaN : Number(value));

/** What the agent's trigger does when it is given the same, its timers before each moment. */
function agentFirings(list: readonly Moment[], given: { release: string | undefined } & Record<string, unknown>) {
  const events: string[] = [];
  const { mode, forMs, minIntervalMs, maxCount } = settingsOf(given);
  const trigger = new Trigger(
    { mode, forMs, minIntervalMs, maxCount, hasRelease: given.release !== undefined },
    {
      begin: (_, timeUs) => void events.push(`begin ${timeUs}`),
      end: (_, timeUs) => void events.push(`end ${timeUs}`),
    },
  );
  const nothing = { operands: [], values: new Float64Array(0) };
  for (const { timeUs, condition, release } of list) {
    const dueUs = trigger.condition.dueUs;
    if (dueUs <= timeUs) trigger.condition.expire(dueUs);
    if (given.release !== undefined) trigger.release.take(numberOf(release), timeUs, nothing);
    trigger.condition.take(numberOf(condition), timeUs, nothing);
  }
  return events;
}

function settingsOf(given: Record<string, unknown>) {
  const number = (name: string): number => Number(given[name]);
  const mode = given.mode === "while" ? ("while" as const) : ("rising" as const);
  const maxCount = given.maxCount === undefined ? undefined : number("maxCount");
  return { mode, forMs: number("forMs"), minIntervalMs: number("minIntervalMs"), maxCount };
}

describe("the judge's own trigger", () => {
  it("fires when the agent's does", () => {
    fc.assert(
      fc.property(moments, settings, (list, given) => {
        const must = firingsOf(list, given).flatMap(({ begin, end }) => [
          `begin ${begin.timeUs}`,
          ...(end === undefined ? [] : [`end ${end.timeUs}`]),
        ]);
        expect(must).toEqual(agentFirings(list, given));
      }),
      { seed: SEED, numRuns: 2000 },
    );
  });
});
