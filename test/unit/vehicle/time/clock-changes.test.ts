import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CLOCK_QUALITIES } from "../../../../agent/core/clock.ts";
import type { ClockChange } from "../../../../agent/telemetry/record/encode/clock-change.ts";
import { ClockChanges } from "../../../../agent/vehicle/time/clock-changes.ts";
import type { ClockFacts } from "../../../../agent/vehicle/time/clock-facts.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";

const SEED = 17;
const BY_CHRONY: ClockFacts = { quality: "ntp", source: "chrony", errorMs: 3, detail: "" };
const BY_GPS: ClockFacts = { quality: "gps", source: "gps", errorMs: 0.3, detail: "" };
const UNSET: ClockFacts = { quality: "unsynchronised", source: "none", errorMs: undefined, detail: "" };

function changesOf(maxPerHour = 30) {
  const clock = new ManualClock();
  const changes = new ClockChanges(clock, maxPerHour);
  /** What is told when the clock is worth each of these, 30 s apart. */
  const told = (...facts: readonly ClockFacts[]): readonly ClockChange[] =>
    facts.flatMap((one) => {
      clock.advance(30_000);
      const change = changes.next(one);
      return change === undefined ? [] : [change];
    });
  return { clock, changes, told };
}

describe("ClockChanges", () => {
  it("tells where a start finds the clock, and then nothing while nothing changes", () => {
    const { told } = changesOf();
    const [start, ...more] = told(BY_CHRONY, BY_CHRONY, { ...BY_CHRONY, errorMs: 4.5 }, BY_CHRONY);
    expect(start).toMatchObject({ before: undefined, after: BY_CHRONY, reason: "start", stepUs: 0, untold: 0 });
    expect(more).toEqual([]);
  });

  it("tells a clock that becomes believable at once, and another source once it has lasted", () => {
    const { told } = changesOf();
    const reasons = told(UNSET, BY_CHRONY, BY_GPS, BY_GPS).map(({ reason, after }) => `${reason} ${after.source}`);
    expect(reasons).toEqual(["start none", "quality chrony", "quality gps"]);
  });

  it("does not tell a wobble between two sources or two classes of error", () => {
    const { told } = changesOf();
    const wobble = Array.from({ length: 20 }, (_, at) => (at % 2 === 0 ? BY_GPS : BY_CHRONY));
    expect(told(BY_CHRONY, ...wobble)).toHaveLength(1);
    const other = changesOf();
    other.told({ ...BY_CHRONY, errorMs: 9.7 });
    const border = [9.9, 10.1, 10.2, 9.8, 11, 12].map((errorMs) => ({ ...BY_CHRONY, errorMs }));
    expect(other.told(...border)).toHaveLength(0);
    const worse = { ...BY_CHRONY, errorMs: 150 };
    expect(other.told(worse, worse).map(({ reason }) => reason)).toEqual(["error"]);
  });

  it("tells no source that does not last, and each one that does", () => {
    const ntp: ClockFacts = { ...BY_CHRONY, source: "ntp" };
    const timesyncd: ClockFacts = { ...BY_CHRONY, source: "timesyncd" };
    const { told } = changesOf();
    expect(told(BY_CHRONY, ntp, timesyncd, ntp, timesyncd)).toHaveLength(1);
    expect(told(timesyncd).map(({ reason, before, after }) => [reason, before?.source, after.source])).toEqual([
      ["source", "chrony", "timesyncd"],
    ]);
    // It went back in between: what was seen once before does not count.
    expect(told(ntp, timesyncd, ntp)).toEqual([]);
  });

  it.each([
    [3, undefined],
    [undefined, 3],
    [40, 3],
    [3, 40],
    [0.9, 2],
    [20_000, 9000],
  ])("tells an error of %s ms that becomes %s", (from, to) => {
    const { told } = changesOf();
    const [before, after] = [from, to].map((errorMs): ClockFacts => ({ ...BY_CHRONY, errorMs }));
    expect(told(before, after, after).map(({ reason }) => reason)).toEqual(["start", "error"]);
  });

  it.each([
    [undefined, undefined],
    [2, 9],
    [6, 11],
    [11, 6],
    [20_000, 90_000],
  ])("tells no error of %s ms that becomes %s", (from, to) => {
    const { told } = changesOf();
    const [before, after] = [from, to].map((errorMs): ClockFacts => ({ ...BY_CHRONY, errorMs }));
    expect(told(before, after, after)).toHaveLength(1);
  });

  it("counts each step and each standing that there was no room for, once", () => {
    const { clock, changes, told } = changesOf(1);
    expect(told(UNSET)).toHaveLength(1);
    for (const ms of [1000, -400]) {
      changes.stepped(ms);
      expect(told(UNSET)).toEqual([]);
    }
    expect(told(BY_CHRONY, BY_CHRONY, BY_CHRONY, UNSET, BY_GPS)).toEqual([]);
    // Two steps, and the three standings that were seen while the steps waited.
    expect(changes.counters()).toEqual({ changes: 1, untold: 5 });
    clock.advance(3_600_000);
    const [late] = told(BY_GPS);
    expect(late).toMatchObject({ before: UNSET, after: BY_GPS, reason: "step", stepUs: 600_000, untold: 5 });
    clock.advance(3_600_000);
    changes.stepped(5000);
    changes.stepped(-5000);
    expect(told(BY_GPS)[0]).toMatchObject({ reason: "step", stepUs: 0, untold: 0 });
  });

  it("says how far the clock was set, and the moment after it on all clocks", () => {
    const { clock, changes, told } = changesOf();
    told(BY_CHRONY);
    clock.suspend(5000);
    clock.stepWall(-70_000);
    changes.stepped(-70);
    const [step] = told(BY_CHRONY);
    expect(step).toMatchObject({ reason: "step", stepUs: -70_000, suspendedUs: 5_000_000 });
    expect(step?.wallUs).toBe(clock.wallUs());
    expect(step?.monotonicUs).toBe(clock.monotonicMs() * 1000);
  });

  it("bounds what it tells, counts the rest, and loses no step", () => {
    const event = fc.oneof(
      fc.record({ kind: fc.constant("step" as const), ms: fc.integer({ min: -1e9, max: 1e9 }) }),
      fc.record({ kind: fc.constant("pass" as const), ms: fc.integer({ min: 0, max: 1_000_000 }) }),
      fc.record({
        kind: fc.constant("facts" as const),
        facts: fc.record({
          quality: fc.constantFrom(...CLOCK_QUALITIES),
          source: fc.constantFrom("chrony" as const, "gps" as const, "none" as const),
          errorMs: fc.option(fc.double({ min: 0, max: 1e5, noNaN: true }), { nil: undefined }),
          detail: fc.constant(""),
        }),
      }),
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), fc.integer({ min: 1, max: 5 }), (events, maxPerHour) => {
        const { clock, changes } = changesOf(maxPerHour);
        const all: ClockChange[] = [];
        const atMs: number[] = [];
        let [steppedMs, facts] = [0, BY_CHRONY];
        const look = () => {
          const change = changes.next(facts);
          if (change === undefined) return;
          all.push(change);
          atMs.push(clock.monotonicMs());
        };
        for (const one of events) {
          if (one.kind === "pass") clock.advance(one.ms);
          if (one.kind === "facts") facts = one.facts;
          if (one.kind === "step") {
            steppedMs += one.ms;
            changes.stepped(one.ms);
          }
          look();
        }
        // After two quiet hours everything that was held is told.
        clock.advance(7_200_000);
        look();
        look();
        expect(all.reduce((sum, { stepUs }) => sum + stepUs, 0)).toBe(steppedMs * 1000);
        expect(all.reduce((sum, { untold }) => sum + untold, 0)).toBeLessThanOrEqual(changes.counters().untold);
        for (const [at, change] of all.entries()) expect(change.before).toEqual(all[at - 1]?.after);
        // No hour has more than what a full bucket and an hour of filling give.
        for (const from of atMs) {
          expect(atMs.filter((to) => to >= from && to - from < 3_600_000).length).toBeLessThanOrEqual(2 * maxPerHour);
        }
      }),
      { seed: SEED, numRuns: 2000 },
    );
  });
});
