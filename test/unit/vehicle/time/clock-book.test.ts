import { afterEach, describe, expect, it } from "vitest";
import type { ClockChange } from "../../../../agent/telemetry/record/encode/clock-change.ts";
import { ClockBook } from "../../../../agent/vehicle/time/clock-book.ts";
import { ClockSteps } from "../../../../agent/vehicle/time/clock-steps.ts";
import { timeConfig } from "../../../../config/time.ts";
import { ManualClock, type ManualClockStart } from "../../../fakes/core/clock.ts";
import { FakeClockKeepers, readingOf } from "../../../fakes/vehicle/clock-keepers.ts";

const ends: (() => Promise<void>)[] = [];

function bookOf(start: ManualClockStart = {}) {
  const clock = new ManualClock(start);
  const keepers = new FakeClockKeepers();
  const steps = new ClockSteps(clock);
  const changes: ClockChange[] = [];
  const book = new ClockBook({ clock, keepers, kernelErrorUs: () => 2000, settings: timeConfig.parse({}) });
  const stopping = new AbortController();
  const stopWatch = steps.watch();
  const begin = () => {
    const running = book.run(steps, (change) => changes.push(change), stopping.signal);
    ends.push(async () => {
      stopping.abort();
      stopWatch();
      await running;
      expect(clock.waiting()).toBe(0);
    });
  };
  return { clock, keepers, book, changes, begin };
}

describe("ClockBook", () => {
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
  });

  it("asks as often as it is told to, and after a step at once", async () => {
    const { clock, keepers, changes, begin } = bookOf();
    keepers.readings = [readingOf()];
    begin();
    await clock.run(90_500);
    expect(keepers.asked).toBe(4);
    clock.stepWall(10_000_000);
    await clock.run(1000);
    expect(keepers.asked).toBe(5);
    expect(changes.map(({ reason, stepUs }) => [reason, stepUs])).toEqual([
      ["start", 0],
      ["step", 10_000_000],
    ]);
  });

  it("does not ask more than once a second, however often the clock is set", async () => {
    const { clock, keepers, changes, begin } = bookOf();
    begin();
    await clock.run(500);
    for (let n = 0; n < 100; n++) {
      clock.stepWall(n % 2 === 0 ? 1_000_000 : -900_000);
      await clock.run(250);
    }
    await clock.run(7_200_000);
    expect(keepers.asked).toBeLessThan(30 + 7200 / 30);
    const steps = changes.reduce((sum, { stepUs }) => sum + stepUs, 0);
    expect(steps).toBe(50 * 100_000);
  });

  it("says gps while a receiver is behind the clock, and not on once nobody answers any more", async () => {
    const { clock, keepers, book, begin } = bookOf();
    keepers.readings = [readingOf({ reference: "gps", errorMs: 0.3 })];
    expect(book.quality()).toBe("ntp");
    begin();
    await clock.run(1000);
    expect(book.quality()).toBe("gps");
    expect(book.facts()).toMatchObject({ quality: "gps", source: "gps", errorMs: 0.3 });
    keepers.readings = [];
    await clock.run(30_000);
    expect(book.quality()).toBe("ntp");
    // Source and error are those of before, with the drift of 31 s.
    expect(book.facts()).toMatchObject({ source: "gps", detail: "nobody keeps it now" });
    expect(book.facts().errorMs).toBeCloseTo(0.3 + 31 * 0.05, 6);
    keepers.readings = [readingOf({ reference: "gps", errorMs: 0.3 })];
    clock.setQuality("rtc");
    await clock.run(60_000);
    expect(book.quality()).toBe("rtc");
  });

  it("tells a clock that becomes known within two seconds, with who set it", async () => {
    const { clock, keepers, changes, begin } = bookOf({ quality: "unsynchronised", wallUs: 60_000_000 });
    begin();
    await clock.run(3000);
    keepers.readings = [readingOf({ keeper: "timesyncd", errorMs: 12 })];
    clock.stepWall(1_767_225_600_000_000);
    clock.setQuality("ntp");
    await clock.run(2000);
    expect(changes).toHaveLength(2);
    expect(changes[1]).toMatchObject({
      before: { quality: "unsynchronised", source: "none" },
      after: { quality: "ntp", source: "timesyncd", errorMs: 12 },
      stepUs: 1_767_225_600_000_000,
      reason: "step",
    });
  });

  it("tells no step after a suspend, and asks anew, since the clock drifted unkept", async () => {
    const { clock, keepers, book, changes, begin } = bookOf();
    keepers.readings = [readingOf({ errorMs: 3 })];
    begin();
    await clock.run(2000);
    keepers.readings = [readingOf({ state: "searching" })];
    clock.suspend(3_600_000);
    await clock.run(1000);
    expect(keepers.asked).toBe(2);
    expect(changes.every(({ stepUs }) => stepUs === 0)).toBe(true);
    expect(book.facts().errorMs).toBeCloseTo(183, 0);
  });
});
