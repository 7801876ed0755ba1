import { describe, expect, it } from "vitest";
import type { QueuedRecord } from "../../../../agent/ports/outbox.ts";
import { isExpired, messageExpirySecondsOf } from "../../../../agent/telemetry/publish/record-publication.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";

const YEAR_MS = 365 * 86_400_000;
const MAX_GAP_MS = 400 * 86_400_000;
const LIFE_MS = 60_000;

/** A record stored now by `clock`, with a life of a minute. */
function stored(clock: ManualClock, change: Partial<QueuedRecord> = {}): QueuedRecord {
  const storedAtUs = clock.wallUs();
  return {
    epoch: 1,
    stream: "telemetry",
    seq: 1,
    row: 1,
    encoding: "zstd",
    timeQuality: "ntp",
    storedAtUs,
    storedAtMonotonicMs: clock.monotonicMs(),
    expiresAtMs: Math.floor(storedAtUs / 1000) + LIFE_MS,
    retainKey: undefined,
    payload: new Uint8Array(1),
    ...change,
  };
}

describe("the life of a record of this boot", () => {
  it.each([-10, 10])("outlasts a step of the wall clock by %d years, whatever the clock's quality", (years) => {
    for (const quality of ["unsynchronised", "ntp", "gps"] as const) {
      const clock = new ManualClock({ quality });
      const record = stored(clock, { timeQuality: quality });
      clock.stepWall(years * YEAR_MS * 1000);
      clock.advance(59_500);
      expect(isExpired(record, clock, MAX_GAP_MS)).toBe(false);
      expect(messageExpirySecondsOf(record, clock, MAX_GAP_MS)).toBe(1);
      clock.advance(500);
      expect(isExpired(record, clock, MAX_GAP_MS)).toBe(true);
    }
  });
});

describe("the life of a record of an earlier boot", () => {
  const ofBefore = { storedAtMonotonicMs: undefined };

  it("ends by the wall clock, where both clocks are to be trusted", () => {
    const clock = new ManualClock();
    const record = stored(clock, ofBefore);
    clock.stepWall(59_000_000);
    expect(isExpired(record, clock, MAX_GAP_MS)).toBe(false);
    expect(messageExpirySecondsOf(record, clock, MAX_GAP_MS)).toBe(1);
    clock.stepWall(1_000_000);
    expect(isExpired(record, clock, MAX_GAP_MS)).toBe(true);
    clock.setQuality("rtc");
    expect(isExpired(record, clock, MAX_GAP_MS)).toBe(false);
    expect(isExpired({ ...record, timeQuality: "rtc" }, new ManualClock({ quality: "ntp" }), MAX_GAP_MS)).toBe(false);
  });

  it.each([-10, 10])("does not end, and is whole, when a trusted clock is %d years away", (years) => {
    const clock = new ManualClock();
    const record = stored(clock, ofBefore);
    clock.stepWall(years * YEAR_MS * 1000);
    expect(isExpired(record, clock, MAX_GAP_MS)).toBe(false);
    expect(messageExpirySecondsOf(record, clock, MAX_GAP_MS)).toBe(60);
  });
});
