import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { placeGate } from "../../../../agent/vehicle/place/place-gate.ts";
import { fixOf } from "../../../fakes/place/position-sink.ts";

const SEED = 17;
const gateOf = (metres: number, shared = true) => placeGate({ isShared: () => shared, precisionMetres: () => metres });

/** Evenly over a range: numbers of fast-check are mostly small. */
const ticks = (min: number, max: number) =>
  fc.noBias(fc.integer({ min: min * 1e5, max: max * 1e5 })).map((tick) => tick / 1e5);

/** Great-circle distance by the haversine formula, m. */
function metresBetween(a: readonly [number, number], b: readonly [number, number]): number {
  const rad = (degrees: number): number => (degrees * Math.PI) / 180;
  const [dLat, dLon] = [rad(b[0] - a[0]), rad(b[1] - a[1])];
  const h = Math.sin(dLat / 2) ** 2 + Math.cos(rad(a[0])) * Math.cos(rad(b[0])) * Math.sin(dLon / 2) ** 2;
  return 2 * 6_371_008.8 * Math.asin(Math.min(1, Math.sqrt(h)));
}

describe("placeGate", () => {
  it("lets a fix through as it is, and nothing while positions are not shared", () => {
    const fix = fixOf();
    expect(gateOf(0)(fix)).toBe(fix);
    expect(gateOf(0, false)(fix)).toBeUndefined();
    expect(gateOf(500, false)(fix)).toBeUndefined();
  });

  it("tells the middle of a field, and neither altitude nor course", () => {
    const told = gateOf(1000)(fixOf({ altitudeM: 489, heightM: 536, courseDeg: 12, speedMps: 3, accuracyM: 4 }));
    expect(told).toMatchObject({ speedMps: 3, accuracyM: 1000 });
    expect(told).not.toHaveProperty("altitudeM");
    expect(told).not.toHaveProperty("heightM");
    expect(told).not.toHaveProperty("courseDeg");
  });

  it("says the same for every position of a field, within its size, however many there are", () => {
    const places = fc.record({
      latitude: ticks(-88, 88),
      longitude: ticks(-179, 179),
      metres: fc.integer({ min: 10, max: 20_000 }),
    });
    fc.assert(
      fc.property(places, ({ latitude, longitude, metres }) => {
        const gate = gateOf(metres);
        const told = gate(fixOf({ latitude, longitude }));
        if (told === undefined) throw new Error("nothing was told");
        const middle = [told.latitude, told.longitude] as const;
        expect(metresBetween([latitude, longitude], middle)).toBeLessThanOrEqual(metres * 0.75);
        // The middle of a field is in the field.
        expect(gate(fixOf({ latitude: middle[0], longitude: middle[1] }))).toMatchObject({
          latitude: middle[0],
          longitude: middle[1],
        });
      }),
      { seed: SEED, numRuns: 500 },
    );
  });

  it("gives nothing back to who averages many noisy positions inside a field", () => {
    const gate = gateOf(1000);
    const middle = gate(fixOf());
    if (middle === undefined) throw new Error("nothing was told");
    const told = new Set<string>();
    fc.assert(
      fc.property(ticks(-0.4, 0.4), ticks(-0.4, 0.4), (x, y) => {
        const noisy = fixOf({ latitude: middle.latitude + x * 0.00899, longitude: middle.longitude + y * 0.0135 });
        const out = gate(noisy);
        told.add(`${out?.latitude} ${out?.longitude}`);
      }),
      { seed: SEED, numRuns: 300 },
    );
    expect([...told]).toEqual([`${middle.latitude} ${middle.longitude}`]);
  });

  it("stays on the globe at the poles and the antimeridian", () => {
    for (const [latitude, longitude] of [
      [90, 180],
      [-90, -180],
      [89.9999, 179.9999],
      [0, 180],
      [0, -180],
    ]) {
      const told = gateOf(100_000)(fixOf({ latitude, longitude }));
      expect(Math.abs(told?.latitude ?? 999)).toBeLessThanOrEqual(90);
      expect(Math.abs(told?.longitude ?? 999)).toBeLessThanOrEqual(180);
    }
  });
});
