import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TimerHeap } from "../../../../agent/telemetry/expressions/timer-heap.ts";

const SEED = 20_261_133;
const COUNT = 13;

describe("TimerHeap", () => {
  it(`has the earliest first, whatever is set and moved (seed ${SEED})`, () => {
    const dueUs = fc.oneof(fc.integer({ min: 0, max: 50 }), fc.constant(Number.POSITIVE_INFINITY));
    const step = fc.record({
      thing: fc.integer({ min: 0, max: COUNT - 1 }),
      dueUs,
      shiftUs: fc.constantFrom(0, 0, 0, -7, 30),
    });
    fc.assert(
      fc.property(fc.array(step, { size: "max", maxLength: 100 }), (steps) => {
        const heap = new TimerHeap(COUNT);
        const model = Array.from({ length: COUNT }, () => Number.POSITIVE_INFINITY);
        for (const one of steps) {
          heap.set(one.thing, one.dueUs);
          model[one.thing] = one.dueUs;
          heap.shift(one.shiftUs);
          for (const thing of model.keys()) model[thing] += one.shiftUs;
          expect(heap.nextUs).toBe(Math.min(...model));
          expect(model[heap.next]).toBe(heap.nextUs);
        }
      }),
      { seed: SEED, numRuns: 500 },
    );
  });
});
