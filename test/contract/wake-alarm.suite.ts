import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LEAST_ALARM_MS, MOST_ALARM_MS, type WakeAlarm } from "../../agent/ports/wake-alarm.ts";

/** An alarm under test. */
export type AlarmHarness = {
  readonly alarm: WakeAlarm;
  /** µs since the Unix epoch by the clock that the alarm goes by. */
  nowUs(): number;
  /** When it goes off, by that clock, to the second; undefined: not set. */
  setUs(): number | undefined;
  /** Takes the hardware away. */
  remove(): void;
  close(): Promise<void>;
};

const SECOND_US = 1_000_000;

/** The promises of the WakeAlarm port. */
export function wakeAlarmContract(name: string, open: () => Promise<AlarmHarness>): void {
  describe(`a wake alarm: ${name}`, () => {
    let harness: AlarmHarness;

    beforeEach(async () => {
      harness = await open();
    });
    afterEach(() => harness.close());

    /** Seconds from `beforeUs` to the alarm. */
    const aheadS = (beforeUs: number): number => ((harness.setUs() ?? Number.NaN) - beforeUs) / SECOND_US;

    it("goes off at the time asked for, and not before it", async () => {
      const nowUs = harness.nowUs();
      await harness.alarm.set(nowUs + 3600.4 * SECOND_US);
      expect(aheadS(nowUs)).toBeGreaterThanOrEqual(3600);
      expect(aheadS(nowUs)).toBeLessThanOrEqual(3603);
    });

    it("has one alarm: the newest", async () => {
      const nowUs = harness.nowUs();
      await harness.alarm.set(nowUs + 60 * SECOND_US);
      await harness.alarm.set(nowUs + 7200 * SECOND_US);
      expect(aheadS(nowUs)).toBeGreaterThanOrEqual(7199);
      await harness.alarm.set(nowUs + 120 * SECOND_US);
      expect(aheadS(nowUs)).toBeLessThanOrEqual(123);
    });

    it("sets what lies behind to a moment ahead", async () => {
      const nowUs = harness.nowUs();
      await harness.alarm.set(nowUs - 3600 * SECOND_US);
      expect(aheadS(nowUs)).toBeGreaterThanOrEqual(LEAST_ALARM_MS / 1000 - 1);
      expect(aheadS(nowUs)).toBeLessThanOrEqual(LEAST_ALARM_MS / 1000 + 3);
    });

    it("takes it away, also when there is none", async () => {
      await harness.alarm.clear();
      await harness.alarm.set(harness.nowUs() + 60 * SECOND_US);
      await harness.alarm.clear();
      expect(harness.setUs()).toBeUndefined();
    });

    it("refuses what is too far ahead, and keeps the one before", async () => {
      const nowUs = harness.nowUs();
      await harness.alarm.set(nowUs + 60 * SECOND_US);
      await expect(harness.alarm.set(nowUs + (MOST_ALARM_MS + 60_000) * 1000)).rejects.toMatchObject({
        code: "alarm.unavailable",
      });
      expect(aheadS(nowUs)).toBeLessThanOrEqual(63);
    });

    it("says that there is none to be had", async () => {
      harness.remove();
      await expect(harness.alarm.set(harness.nowUs())).rejects.toMatchObject({ code: "alarm.unavailable" });
      await expect(harness.alarm.clear()).rejects.toMatchObject({ code: "alarm.unavailable" });
    });
  });
}
