import fc from "fast-check";
import { expect, it } from "vitest";
import { DaySum } from "../../../../agent/core/metrics/day-sum.ts";

const HOUR_MS = 3_600_000;
const SEED = 24;

it("is what was added in this hour and the 23 before it", () => {
  const step = fc.record({ laterMs: fc.integer({ min: 0, max: 30 * HOUR_MS }), amount: fc.nat(1000) });
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e12 }), fc.array(step, { maxLength: 40 }), (startMs, steps) => {
      const day = new DaySum();
      const added: { readonly hour: number; readonly amount: number }[] = [];
      let nowMs = startMs;
      for (const { laterMs, amount } of steps) {
        nowMs += laterMs;
        day.add(amount, nowMs);
        added.push({ hour: Math.floor(nowMs / HOUR_MS), amount });
        const now = Math.floor(nowMs / HOUR_MS);
        const model = added.filter(({ hour }) => hour > now - 24).reduce((sum, one) => sum + one.amount, 0);
        expect(day.sum(nowMs)).toBe(model);
      }
    }),
    { seed: SEED },
  );
});
