import fc from "fast-check";
import { expect, it } from "vitest";
import { Histogram } from "../../../../agent/core/metrics/histogram.ts";

const SEED = 12;
const BOUNDS = [0.005, 0.1, 1, 10];

it("has nothing to tell before the first value", () => {
  expect(new Histogram(BOUNDS).samples({})).toEqual([]);
});

it("counts in each bucket what is at most its bound, with sum and count", () => {
  const value = fc.oneof(fc.constantFrom(0, ...BOUNDS), fc.double({ min: 0, max: 20, noNaN: true }));
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 50 }), (values) => {
      const histogram = new Histogram(BOUNDS);
      for (const one of values) histogram.note(one);
      const samples = histogram.samples({ stream: "event" });
      const les = ["0.005", "0.1", "1.0", "10.0", "+Inf"];
      expect(samples.slice(0, 5)).toEqual(
        les.map((le) => {
          const most = le === "+Inf" ? Number.POSITIVE_INFINITY : Number(le);
          const count = values.filter((one) => one <= most).length;
          return { labels: { stream: "event", le }, value: count, of: "bucket" };
        }),
      );
      const [sum, count] = samples.slice(5);
      expect(sum).toMatchObject({ labels: { stream: "event" }, of: "sum" });
      expect(sum?.value).toBeCloseTo(
        values.reduce((all, one) => all + one, 0),
        9,
      );
      expect(count).toEqual({ labels: { stream: "event" }, value: values.length, of: "count" });
    }),
    { seed: SEED },
  );
});
