import { describe, expect, it } from "vitest";
import { FenceLine } from "../../../../agent/vehicle/fences/fence-line.ts";
import { fixOf } from "../../../fakes/place/position-sink.ts";

/** A degree of latitude, m. */
const DEGREE = 111_195;
const CIRCLE = { circle: { latitude: 48, longitude: 11, radiusMetres: 500 } };

/** A fix so many metres north of the middle. */
function north(metres: number, accuracyM = 5) {
  return fixOf({ latitude: 48 + metres / DEGREE, longitude: 11, accuracyM });
}

describe("FenceLine", () => {
  it("takes the first side that it knows for no change", () => {
    const line = new FenceLine(CIRCLE, 2);
    expect([line.take(north(0)), line.side]).toEqual([undefined, undefined]);
    expect([line.take(north(0)), line.side]).toEqual([undefined, "inside"]);
  });

  it("changes the side after so many fixes in a row", () => {
    const line = new FenceLine(CIRCLE, 3, "outside");
    const sides = [400, 400, 600, 400, 400, 400, 400].map((metres) => line.take(north(metres)));
    expect(sides).toEqual([undefined, undefined, undefined, undefined, undefined, "inside", undefined]);
  });

  it("knows no side of a fix that lies nearer to the edge than it may be wrong", () => {
    const line = new FenceLine(CIRCLE, 1, "inside");
    expect(line.take(north(530, 40))).toBeUndefined();
    expect(line.take(north(530, 5))).toBe("outside");
    expect(line.take(north(470, 40))).toBeUndefined();
  });

  it("can be entered where it is smaller than the fixes may be wrong", () => {
    const small = { circle: { latitude: 48, longitude: 11, radiusMetres: 10 } };
    const line = new FenceLine(small, 1, "outside");
    const unknown = fixOf({ latitude: 48, longitude: 11 });
    expect(line.take(north(6, 20))).toBeUndefined();
    expect(line.take(unknown)).toBe("inside");
    expect(line.take(north(29, 20))).toBeUndefined();
    expect(line.take(north(31, 20))).toBe("outside");
  });

  it("does not go by fixes that are worth nothing", () => {
    const line = new FenceLine(CIRCLE, 1, "inside");
    expect(line.take(north(5000, 250))).toBeUndefined();
  });

  it("goes by what was left, so that a start in the place is no entering", () => {
    const line = new FenceLine(CIRCLE, 1, "inside");
    expect(line.take(north(10))).toBeUndefined();
    expect(line.take(north(1000))).toBe("outside");
  });
});
