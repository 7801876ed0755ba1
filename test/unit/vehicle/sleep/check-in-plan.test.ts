import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CheckInPlan } from "../../../../agent/vehicle/sleep/check-in-plan.ts";
import { WindowTimes } from "../../../../agent/vehicle/sleep/day-window.ts";

const SEED = 17;
const HOUR_US = 3_600_000_000;
const DAY_US = 24 * HOUR_US;
const MINUTE_US = 60_000_000;
const at = (text: string): number => Date.parse(text) * 1000;
const textOf = (us: number | undefined): string | undefined =>
  us === undefined ? undefined : new Date(us / 1000).toISOString().slice(0, 16);

/** Zones with shifts of an hour, of half an hour, of two hours, none, and one across the date line. */
const ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Antarctica/Troll", "UTC", "Pacific/Apia"];
const time = fc.integer({ min: 0, max: 1439 }).map((minute) => {
  const two = (n: number): string => String(n).padStart(2, "0");
  return `${two(Math.floor(minute / 60))}:${two(minute % 60)}`;
});

/** The slow model: the local time of every minute, as text. */
function isIn(us: number, from: string, to: string, zone: string): boolean {
  const local = new Date(us / 1000).toLocaleTimeString("en-GB", { timeZone: zone }).slice(0, 5);
  return from < to ? local >= from && local < to : local >= from || local < to;
}

describe("WindowTimes", () => {
  it(`finds the first minute of a window as a walk over all minutes does, over the changes of the clocks (seed ${SEED})`, () => {
    const days = fc.constantFrom(
      "2026-03-28",
      "2026-03-29",
      "2026-10-24",
      "2026-10-25",
      "2026-03-07",
      "2026-11-01",
      "2026-04-04",
      "2026-10-03",
      "2026-07-01",
    );
    const start = fc
      .tuple(days, fc.integer({ min: 0, max: 1439 }))
      .map(([day, minute]) => at(`${day}T00:00Z`) + minute * MINUTE_US);
    fc.assert(
      fc.property(time, time, fc.constantFrom(...ZONES), start, (from, to, timeZone, startUs) => {
        fc.pre(from !== to);
        let us = startUs;
        while (!isIn(us, from, to, timeZone)) us += MINUTE_US;
        expect(textOf(new WindowTimes({ from, to, timeZone }).next(startUs))).toBe(textOf(us));
      }),
      { seed: SEED, numRuns: 60 },
    );
  });
});

describe("CheckInPlan", () => {
  const daily = { everyHours: 24, savingEveryHours: 72, spread: 0, window: undefined };
  const facts = { isClockKnown: true, lastUs: undefined, level: "normal" } as const;

  it("wakes after so many hours, later while it saves, and not at all while it is guarded", () => {
    const nowUs = at("2026-06-01T10:00Z");
    const next = (level: "normal" | "saving" | "guarded"): string | undefined =>
      textOf(new CheckInPlan(daily).next({ ...facts, nowUs, level }));
    expect([next("normal"), next("saving"), next("guarded")]).toEqual([
      "2026-06-02T10:00",
      "2026-06-04T10:00",
      undefined,
    ]);
  });

  it("wakes at the beginning of its window each night by the local clock, when the clocks change too", () => {
    const window = { from: "02:30", to: "04:00", timeZone: "Europe/Berlin" };
    const plan = new CheckInPlan({ ...daily, window });
    let nowUs = at("2026-03-27T18:00Z");
    let lastUs = nowUs - DAY_US;
    const times: (string | undefined)[] = [];
    for (let night = 0; night < 4; night++) {
      nowUs = plan.next({ ...facts, nowUs, lastUs }) ?? Number.NaN;
      times.push(textOf(nowUs));
      lastUs = nowUs;
    }
    // 02:30 is 01:30 UTC in winter; on the 29th the clocks go from 02:00 to 03:00, and after that it is 00:30 UTC.
    expect(times).toEqual(["2026-03-28T01:30", "2026-03-29T01:00", "2026-03-30T00:30", "2026-03-31T00:30"]);
  });

  it("keeps to the hours alone while nobody knows the time", () => {
    const window = { from: "02:00", to: "03:00", timeZone: "UTC" };
    const nowUs = at("1970-01-01T00:01Z");
    expect(textOf(new CheckInPlan({ ...daily, window }).next({ ...facts, nowUs, isClockKnown: false }))).toBe(
      "1970-01-02T00:01",
    );
  });

  it("is not held back by a last time in the future, nor made to wake at once for one long ago", () => {
    const nowUs = at("2026-06-01T10:00Z");
    const plan = new CheckInPlan(daily);
    expect(textOf(plan.next({ ...facts, nowUs, lastUs: at("2036-06-01T10:00Z") }))).toBe("2026-06-02T10:00");
    expect(textOf(plan.next({ ...facts, nowUs, lastUs: at("2016-06-01T10:00Z") }))).toBe("2026-06-01T10:05");
  });

  it(`over months with steps of the clock: always ahead, in its window, never twice within five minutes, never later than two windows (seed ${SEED})`, () => {
    const step = fc.oneof(
      { weight: 8, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.integer({ min: -3650, max: 3650 }).map((days) => days * DAY_US) },
      { weight: 1, arbitrary: fc.integer({ min: -7200, max: 7200 }).map((s) => s * 1_000_000) },
    );
    const settings = fc.record({
      everyHours: fc.constantFrom(1, 6, 24, 168),
      savingEveryHours: fc.constantFrom(12, 72),
      spread: fc.double({ min: 0, max: 0.999, noNaN: true }),
      window: fc.option(fc.record({ from: time, to: time, timeZone: fc.constantFrom(...ZONES) }), { nil: undefined }),
    });
    fc.assert(
      fc.property(
        settings,
        fc.array(fc.tuple(step, fc.boolean(), fc.boolean()), { minLength: 20, maxLength: 60 }),
        (given, nights) => {
          const plan = new CheckInPlan(given);
          const window = given.window;
          let nowUs = at("2026-02-20T17:23Z");
          let lastUs: number | undefined;
          for (const [stepUs, isClockKnown, isSaving] of nights) {
            nowUs = Math.max(0, nowUs + stepUs);
            const nextUs =
              plan.next({ nowUs, isClockKnown, lastUs, level: isSaving ? "saving" : "normal" }) ?? Number.NaN;
            expect(nextUs).toBeGreaterThanOrEqual(nowUs + 5 * MINUTE_US);
            const hours = isSaving ? Math.max(given.savingEveryHours, given.everyHours) : given.everyHours;
            const isWindowed = window !== undefined && isClockKnown;
            expect(nextUs).toBeLessThanOrEqual(nowUs + hours * HOUR_US + (isWindowed ? 2 * DAY_US : 5 * MINUTE_US));
            if (isWindowed && window.from !== window.to) {
              expect(isIn(nextUs, window.from, window.to, window.timeZone)).toBe(true);
            }
            nowUs = nextUs;
            lastUs = nextUs;
          }
        },
      ),
      { seed: SEED, numRuns: 40 },
    );
  });
});
