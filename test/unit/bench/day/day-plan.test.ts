import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { dayFile } from "../../../bench/day/day-file.ts";
import { type DayPlan, isIn, loadDay, planOf } from "../../../bench/day/day-plan.ts";
import { LEG_MS } from "../../../bench/day/legs.ts";
import { pointOf, vanAt } from "../../../bench/day/van-drive.ts";

const HOUR_MS = 3_600_000;

/** Great-circle distance by the haversine formula, m. */
function distanceM(a: { latitude: number; longitude: number }, b: { latitude: number; longitude: number }): number {
  const radians = (degrees: number): number => (degrees * Math.PI) / 180;
  const half = (from: number, to: number): number => Math.sin(radians(to - from) / 2) ** 2;
  const x =
    half(a.latitude, b.latitude) +
    Math.cos(radians(a.latitude)) * Math.cos(radians(b.latitude)) * half(a.longitude, b.longitude);
  return 2 * 6_371_008.8 * Math.asin(Math.sqrt(x));
}

describe.each(["van", "short"])("the day %s of the bench", (name) => {
  const load = (): Promise<DayPlan> => loadDay(name);

  it("has three trips, a boot with a wrong clock, tunnels, roaming, an update and an unlock", async () => {
    const plan = await load();
    expect(plan.trips).toHaveLength(3);
    expect(plan.boots.filter(({ clockMs }) => clockMs !== undefined)).toHaveLength(1);
    expect(plan.trips.some(({ tunnels }) => tunnels.length > 0)).toBe(true);
    expect(plan.trips.some(({ roaming }) => roaming.length > 0)).toBe(true);
    expect([plan.updatesMs.length, plan.unlocksMs.length]).toEqual([1, 1]);
  });

  it("ends where it began, and its odometer grows by what the van drove", async () => {
    const plan = await load();
    const [first] = plan.trips;
    const end = vanAt(plan, plan.lengthMs);
    expect(Math.abs(end.roadMetres)).toBeLessThan(1);
    const driven = plan.trips.reduce((sum, { metres }) => sum + metres, 0);
    expect(end.odometerMetres - (first?.startOdometerMetres ?? 0)).toBeCloseTo(driven, 3);
  });

  it("moves as fast as it says, along the road", async () => {
    const plan = await load();
    for (const trip of plan.trips) {
      for (let ms = trip.fromMs; ms + 1000 <= trip.toMs; ms += 7000) {
        const [from, middle, to] = [vanAt(plan, ms), vanAt(plan, ms + 500), vanAt(plan, ms + 1000)];
        const metres = distanceM(from, to);
        expect(Math.abs(metres - middle.speedKph / 3.6)).toBeLessThan(0.3);
        expect(Math.abs(to.odometerMetres - from.odometerMetres - metres)).toBeLessThan(0.01);
        expect(middle.ignition).toBe(true);
      }
    }
  });

  it("has frames on the bus for all of a trip, and none in between", async () => {
    const plan = await load();
    for (const { fromMs, toMs } of plan.trips) {
      expect([isIn(plan.awake, fromMs), isIn(plan.awake, toMs), isIn(plan.awake, toMs + 60_000)]).toEqual([
        true,
        true,
        false,
      ]);
    }
  });
});

describe("a day from a file", () => {
  const file = (): ReturnType<typeof dayFile.parse> =>
    dayFile.parse(parse(readFileSync(join(import.meta.dirname, "../../../bench/day/days/van.yaml"), "utf8")));

  it("goes on past midnight", () => {
    const plan = planOf(file());
    expect(plan.startsAtMs).toBe(23 * HOUR_MS);
    expect(plan.lengthMs).toBe(24 * HOUR_MS);
    expect(plan.trips[0]).toMatchObject({ fromMs: 8 * HOUR_MS, toMs: 8 * HOUR_MS + 10 * LEG_MS });
  });

  it.each([
    [
      "a trip in another",
      { kind: "trip" as const, at: "07:10", legs: 1, direction: "out" as const },
      /begins in another/,
    ],
    [
      "a trip that does not end",
      { kind: "trip" as const, at: "22:50", legs: 9, direction: "out" as const },
      /does not end/,
    ],
  ])("is refused for %s", (_what, event, reason) => {
    const day = file();
    const added = { ...event, tunnels: [], roaming: [], brakes: [] };
    const events = [...day.events, added].toSorted((a, b) => hours(a.at) - hours(b.at));
    expect(() => planOf({ ...day, events })).toThrow(reason);
  });

  it("puts a point so many metres away from home", () => {
    const day = { file: file() };
    expect(distanceM(pointOf(day, 0), pointOf(day, 42_000))).toBeCloseTo(42_000, 3);
  });
});

/** Hours since the day's start at 23:00. */
function hours(text: string): number {
  const [hour = 0, minute = 0] = text.split(":").map(Number);
  return ((hour + 1) % 24) + minute / 60;
}
