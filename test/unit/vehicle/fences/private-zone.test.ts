import { describe, expect, it } from "vitest";
import { PrivateZone } from "../../../../agent/vehicle/fences/private-zone.ts";
import { seededRandom } from "../../../bench/core/seeded-random.ts";
import { fixOf } from "../../../fakes/place/position-sink.ts";

const DEGREE = 111_195;
const SEED = 17;
const HOME = { circle: { latitude: 48, longitude: 11, radiusMetres: 300 } };

function at(zone: PrivateZone, metres: number, atMs = 0): boolean {
  zone.take({ fix: fixOf({ latitude: 48 + metres / DEGREE, longitude: 11, accuracyM: 5 }), timeUs: 0, atMs });
  return zone.isPrivate(atMs);
}

describe("PrivateZone", () => {
  it("is private until it is known that the vehicle is outside, and again when that is not known any more", () => {
    const zone = new PrivateZone(HOME, 0, () => 0);
    expect(zone.isPrivate(0)).toBe(true);
    expect(at(zone, 1000, 0)).toBe(false);
    expect(zone.isPrivate(9000)).toBe(false);
    expect(zone.isPrivate(11_000)).toBe(true);
  });

  it("is private inside, and where the fix may be inside", () => {
    const zone = new PrivateZone(HOME, 0, () => 0);
    expect([at(zone, 200), at(zone, 303), at(zone, 310)]).toEqual([true, true, false]);
  });

  it(`draws its edge anew each time, so that ways out do not show it, seed ${SEED}`, () => {
    const zone = new PrivateZone(HOME, 200, seededRandom(SEED));
    const firstTold = Array.from({ length: 200 }, () => {
      at(zone, 0);
      let metres = 0;
      while (at(zone, metres)) metres += 1;
      return metres;
    });
    expect(Math.min(...firstTold)).toBeGreaterThan(300);
    expect(Math.max(...firstTold)).toBeLessThanOrEqual(507);
    expect(new Set(firstTold).size).toBeGreaterThan(80);
  });
});
