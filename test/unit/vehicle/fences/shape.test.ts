import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { metresBetween, metresInside, metresOutside, type Point } from "../../../../agent/vehicle/fences/shape.ts";
import { fences } from "../../../../config/place-fences.ts";

const SEED = 17;
/** A star of nine corners in Upper Bavaria, neither convex nor small. */
const STAR: readonly Point[] = [
  [48.0, 11.0],
  [48.02, 11.01],
  [48.04, 11.0],
  [48.03, 11.03],
  [48.05, 11.06],
  [48.02, 11.05],
  [47.99, 11.07],
  [48.0, 11.04],
  [47.97, 11.02],
];

describe("metresBetween", () => {
  // Geodesics of WGS 84 by GeographicLib 2.0 (python3-geographiclib, Geodesic.WGS84.Inverse).
  it.each([
    [48.3687, 10.8986, 48.3705, 10.8978, 208.7],
    [48.3687, 10.8986, 48.1374, 11.5755, 56_463.9],
    [0, 179.99, 0, -179.99, 2226.4],
    [-33.8688, 151.2093, -33.9249, 18.4241, 11_033_728.5],
    [70.6634, 23.6821, 70.6634, 23.7821, 3697],
  ])("is that of the ellipsoid within 0.6 %% from %d %d to %d %d", (lat, lon, toLat, toLon, metres) => {
    expect(Math.abs(metresBetween([lat, lon], [toLat, toLon]) / metres - 1)).toBeLessThan(0.006);
  });
});

describe("metresInside", () => {
  const degree = 111_195;

  it("is the radius of a circle, and nearly that of the greatest circle in a polygon", () => {
    expect(metresInside({ circle: { latitude: 1, longitude: 2, radiusMetres: 30 } })).toBe(30);
    const square: readonly Point[] = [
      [0, 179.999],
      [0, -179.999],
      [0.002, -179.999],
      [0.002, 179.999],
    ];
    expect(metresInside({ polygon: square }) / (0.001 * degree)).toBeCloseTo(1, 2);
    const arms: readonly Point[] = [
      [0, 0],
      [0, 0.01],
      [0.01, 0.01],
      [0.01, 0.009],
      [0.001, 0.009],
      [0.001, 0.001],
      [0.01, 0.001],
      [0.01, 0],
    ];
    const metres = metresInside({ polygon: arms }) / (0.0005 * degree);
    expect(metres).toBeGreaterThan(0.8);
    expect(metres).toBeLessThan(1.2);
  });

  it(`is above 0 for each polygon that is allowed, seed ${SEED}`, () => {
    const degrees = (most: number) => fc.integer({ min: -most, max: most }).map((tenths) => tenths / 10);
    const point = fc.tuple(degrees(800), degrees(1800));
    fc.assert(
      fc.property(fc.array(point, { minLength: 3, maxLength: 8 }), (polygon) => {
        fc.pre(fences.safeParse([{ name: "one", polygon }]).success);
        expect(metresInside({ polygon })).toBeGreaterThan(0);
      }),
      { seed: SEED, numRuns: 200 },
    );
  });
});

describe("metresOutside", () => {
  // Which of these lie within, by GEOS (python3-shapely 1.8.5, Polygon.contains).
  it.each([
    [48.0122, 11.0626, false],
    [48.056, 11.0161, false],
    [48.0366, 11.0534, true],
    [48.0261, 10.9999, false],
    [48.0346, 11.0127, true],
    [48.0102, 11.0186, true],
    [48.0306, 11.0403, true],
    [48.014, 11.0694, false],
    [48.0239, 11.0178, true],
    [47.9742, 11.0631, false],
    [47.9975, 11.0597, true],
    [48.0468, 11.0115, false],
  ])("says of a polygon whether %d %d lies in it", (latitude, longitude, isInside) => {
    expect(metresOutside({ polygon: STAR }, [latitude, longitude]) < 0).toBe(isInside);
  });

  // Least geodesic to its edges, each at 1000 points (GeographicLib 2.0).
  it.each([
    [48.0122, 11.0626, 504.0],
    [48.056, 11.0161, 2127.4],
    [48.0366, 11.0534, -155.3],
    [48.0261, 10.9999, 498.5],
  ])("says how far %d %d is from the edge of a polygon, within 1 %%", (latitude, longitude, metres) => {
    expect(Math.abs(metresOutside({ polygon: STAR }, [latitude, longitude]) / metres - 1)).toBeLessThan(0.01);
  });

  it("says how far a point is from the edge of a circle", () => {
    const circle = { latitude: 48.3687, longitude: 10.8986, radiusMetres: 100 };
    expect(metresOutside({ circle }, [48.3705, 10.8978])).toBeCloseTo(108.7, -1);
    expect(metresOutside({ circle }, [48.3687, 10.8986])).toBe(-100);
  });

  it(`says the same wherever on the Earth a polygon lies, over the antimeridian too, seed ${SEED}`, () => {
    const offset = fc.double({ min: -1, max: 1, noNaN: true });
    fc.assert(
      fc.property(fc.double({ min: -720, max: 720, noNaN: true }), offset, offset, (turn, latitude, longitude) => {
        const moved = STAR.map(([lat, lon]): Point => [lat, ((((lon + turn + 180) % 360) + 360) % 360) - 180]);
        const here = metresOutside({ polygon: STAR }, [48.01 + latitude, 11.03 + longitude]);
        const there = metresOutside({ polygon: moved }, [48.01 + latitude, 11.03 + longitude + turn]);
        expect(Math.abs(here - there)).toBeLessThan(0.01);
      }),
      { seed: SEED, numRuns: 500 },
    );
  });
});

describe("the configuration of fences", () => {
  const problemsOf = (polygon: readonly Point[]): readonly string[] =>
    fences.safeParse([{ name: "depot", polygon }]).error?.issues.map(({ message }) => message) ?? [];

  it("takes a polygon, over the antimeridian too", () => {
    expect(problemsOf(STAR)).toEqual([]);
    expect(
      problemsOf([
        [0, 179],
        [0, -179],
        [1, -179],
        [1, 179],
      ]),
    ).toEqual([]);
  });

  it("refuses one that crosses or touches itself, or goes round a pole", () => {
    expect(
      problemsOf([
        [0, 0],
        [1, 1],
        [0, 1],
        [1, 0],
      ]),
    ).toEqual(["must not cross or touch itself"]);
    expect(
      problemsOf([
        [0, 0],
        [0, 2],
        [1, 1],
        [0, 1],
        [-1, 1],
      ]),
    ).toEqual(["must not cross or touch itself"]);
    expect(
      problemsOf([
        [80, 0],
        [80, 120],
        [80, -120],
      ]),
    ).toEqual(["must not go round a pole"]);
  });

  it("wants one shape, and names that differ", () => {
    const circle = { latitude: 48, longitude: 11, radiusMetres: 100 };
    expect(fences.safeParse([{ name: "a" }]).error?.issues[0]?.message).toBe("must have either circle or polygon");
    expect(fences.safeParse([{ name: "a", circle, polygon: STAR }]).success).toBe(false);
    expect(
      fences.safeParse([
        { name: "a", circle },
        { name: "a", circle },
      ]).success,
    ).toBe(false);
  });
});
