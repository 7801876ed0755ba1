import { describe, expect, it } from "vitest";
import { Travelled } from "../../../../agent/vehicle/fences/travelled.ts";
import type { Fix } from "../../../../agent/vehicle/place/fix.ts";
import { seededRandom } from "../../../bench/core/seeded-random.ts";
import { fixOf } from "../../../fakes/place/position-sink.ts";

const DEGREE = 111_195;
const SEED = 17;

/** Fixes each second, so many metres north and east of the start. */
function drive(
  travelled: Travelled,
  way: readonly (readonly [north: number, east: number, more?: Partial<Fix>])[],
): number {
  way.forEach(([north, east, more], second) => {
    const fix = fixOf({ latitude: north / DEGREE, longitude: east / DEGREE, accuracyM: 4, ...more });
    travelled.take({ fix, timeUs: second * 1_000_000, atMs: second * 1000 });
  });
  return travelled.metres;
}

describe("Travelled", () => {
  it("adds up the way, and goes on from what was kept", () => {
    const way = Array.from({ length: 101 }, (_, second) => [second * 20, 0] as const);
    expect(drive(new Travelled(1000), way)).toBeCloseTo(3000, 0);
  });

  it(`does not count what a receiver wanders that stands, seed ${SEED}`, () => {
    const random = seededRandom(SEED);
    const wander = (): number => (random() - 0.5) * 8;
    const way = Array.from({ length: 3600 }, () => [wander(), wander()] as const);
    expect(drive(new Travelled(0), way)).toBeLessThan(15);
  });

  it("counts nothing while the receiver says that it stands", () => {
    const way = Array.from({ length: 100 }, (_, second) => [second * 3, 0, { speedMps: 0.1 }] as const);
    expect(drive(new Travelled(0), way)).toBe(0);
  });

  it("counts the straight line over a gap, and nothing of a jump", () => {
    const travelled = new Travelled(0);
    travelled.take({ fix: fixOf({ latitude: 0, longitude: 0, accuracyM: 4 }), timeUs: 0, atMs: 0 });
    travelled.take({ fix: fixOf({ latitude: 2000 / DEGREE, longitude: 0, accuracyM: 4 }), timeUs: 0, atMs: 120_000 });
    expect(travelled.metres).toBeCloseTo(2000, 0);
    travelled.take({ fix: fixOf({ latitude: 1, longitude: 0, accuracyM: 4 }), timeUs: 0, atMs: 121_000 });
    expect(travelled.metres).toBeCloseTo(2000, 0);
  });

  it("does not count fixes that may be far off", () => {
    const way = Array.from({ length: 10 }, (_, second) => [second * 100, 0, { accuracyM: 80 }] as const);
    expect(drive(new Travelled(0), way)).toBe(0);
  });
});
