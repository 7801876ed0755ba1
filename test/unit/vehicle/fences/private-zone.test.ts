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

  it(`changes at most twice a passage, and tells nothing nearer than it has drawn, seed ${SEED}`, () => {
    const random = seededRandom(SEED);
    for (let passage = 0; passage < 200; passage++) {
      const draws: number[] = [];
      const drawn = (): number => {
        draws.push(random());
        return draws.at(-1) ?? 0;
      };
      const zone = new PrivateZone(HOME, 200, drawn);
      const told: number[] = [];
      let [changes, before] = [0, true];
      // In, a while near the edge, and out again, 5 m a fix; the receiver wanders by 20 m.
      const near = Array.from({ length: 60 }, () => 350 + random() * 60);
      const way = Array.from({ length: 140 }, (_, at) => 700 - at * 5);
      for (const metres of [...way, ...near, ...way.toReversed()].map((one) => one + (random() - 0.5) * 40)) {
        const isPrivate = at(zone, Math.abs(metres));
        if (isPrivate !== before) changes += 1;
        if (!isPrivate) told.push(metres);
        before = isPrivate;
      }
      // The first makes it known that the vehicle is outside.
      expect(changes).toBe(3);
      expect(draws).toHaveLength(4);
      expect(Math.min(...told)).toBeGreaterThan(305 + Math.min((200 * draws[1]) / 3, (200 * (2 + draws[2])) / 3) - 0.1);
    }
  });

  it("counts as inside where nobody knew for a while where the vehicle was", () => {
    const zone = new PrivateZone(HOME, 300, () => 0.5);
    // Out at 555 m, in at 355 m.
    expect([at(zone, 600, 0), at(zone, 400, 1000), at(zone, 400, 12_000), at(zone, 600, 13_000)]).toEqual([
      false,
      false,
      true,
      false,
    ]);
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
    expect(new Set(firstTold).size).toBeGreaterThan(50);
  });
});
