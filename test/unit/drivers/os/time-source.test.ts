import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { kernelClock } from "../../../../drivers/can/kernel-clock.ts";
import { bootId, systemClock } from "../../../../drivers/os/time-source.ts";

/** A clock over two hands that the test moves. */
function handMoved(): {
  readonly hands: { wallMs: number; monotonicNs: bigint };
  readonly clock: ReturnType<typeof systemClock>;
} {
  const hands = { wallMs: Date.UTC(2026, 0, 1), monotonicNs: 5_000_000_000n };
  const clock = systemClock({ wallMs: () => hands.wallMs, monotonicNs: () => hands.monotonicNs });
  return { hands, clock };
}

describe("systemClock", () => {
  it("gives the wall time in µs, within the millisecond that the system gives", () => {
    const clock = systemClock();
    for (let count = 0; count < 10_000; count += 1) {
      const earliestUs = Date.now() * 1000;
      const us = clock.wallUs();
      expect(us >= earliestUs && us < Date.now() * 1000 + 1000).toBe(true);
    }
  });

  it("counts µs between two milliseconds by the monotonic clock", () => {
    const { hands, clock } = handMoved();
    const startUs = clock.wallUs();
    hands.monotonicNs += 250_000n;
    expect(clock.wallUs() - startUs).toBe(250);
    hands.monotonicNs += 400_000n;
    expect(clock.wallUs() - startUs).toBe(650);
  });

  it("follows a step of the wall clock at once, forward and back", () => {
    const { hands, clock } = handMoved();
    const startUs = clock.wallUs();
    hands.wallMs += 3_600_000;
    expect(clock.wallUs() - startUs).toBe(3_600_000_000);
    hands.wallMs -= 7_200_000;
    expect(clock.wallUs() - startUs).toBe(-3_600_000_000);
  });

  it("never goes back by itself", () => {
    const clock = systemClock();
    let beforeUs = 0;
    let backwards = 0;
    for (let count = 0; count < 100_000; count += 1) {
      const us = clock.wallUs();
      if (us < beforeUs) backwards += 1;
      beforeUs = us;
    }
    expect(backwards).toBe(0);
  });

  it("counts what was suspended in boottime, and nothing of it in monotonic time", () => {
    const hands = { monotonicNs: 5_000_000_000n, suspendedUs: 3 };
    const clock = systemClock({ monotonicNs: () => hands.monotonicNs, suspendedUs: () => hands.suspendedUs });
    expect(clock.boottimeMs()).toBe(5000);
    hands.suspendedUs = 3_600_000_002;
    expect(clock.boottimeMs()).toBeCloseTo(3_605_000.002, 6);
    hands.suspendedUs = 3_600_000_000;
    hands.monotonicNs += 1_000_000n;
    expect(clock.boottimeMs()).toBeCloseTo(3_605_001.002, 6);
    expect(clock.monotonicMs()).toBe(5001);
  });

  it("takes boottime from the uptime where the addon is not there, as evenly as the monotonic clock", () => {
    const hands = { monotonicNs: 5_004_000_000n, uptimeSeconds: 5.01 };
    const parts = { monotonicNs: () => hands.monotonicNs, uptimeSeconds: () => hands.uptimeSeconds };
    const clock = systemClock(parts);
    expect(clock.boottimeMs()).toBe(5004);
    hands.uptimeSeconds = 65.01;
    expect(clock.boottimeMs()).toBeCloseTo(65_010, 6);
    hands.uptimeSeconds = 65.02;
    hands.monotonicNs += 3_000_000n;
    expect(clock.boottimeMs()).toBeCloseTo(65_013, 6);
  });

  it("takes no step from a reading in which the machine was busy elsewhere", () => {
    const hands = { monotonicNs: 5_004_000_000n, uptimeSeconds: 5.01, pauseNs: 0n };
    const parts = {
      monotonicNs: () => hands.monotonicNs,
      uptimeSeconds: () => {
        hands.monotonicNs += hands.pauseNs;
        return hands.uptimeSeconds + Number(hands.pauseNs) / 1e9;
      },
    };
    const clock = systemClock(parts);
    hands.pauseNs = 300_000_000n;
    expect(clock.boottimeMs()).toBe(5004);
    hands.pauseNs = 0n;
    expect(clock.boottimeMs()).toBe(5304);
    const exact = systemClock({ monotonicNs: () => hands.monotonicNs, suspendedUs: () => Number.NaN });
    expect(exact.boottimeMs()).toBe(5304);
  });

  it("gives the boottime of this machine by the addon or the uptime alike", () => {
    const suspendedMs = Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]) * 1000 - systemClock().monotonicMs();
    for (const clock of [systemClock(), systemClock({ suspendedUs: kernelClock().suspendedUs })]) {
      expect(Math.abs(clock.boottimeMs() - clock.monotonicMs() - suspendedMs)).toBeLessThan(100);
    }
  });

  it("ends a sleep at once, without rejecting, when its signal aborts", async () => {
    const abort = new AbortController();
    const clock = systemClock();
    const sleep = clock.sleep(1e12, abort.signal);
    abort.abort();
    await sleep;
    await clock.sleep(1e12, abort.signal);
    const startMs = clock.monotonicMs();
    await clock.sleep(20);
    expect(clock.monotonicMs() - startMs).toBeGreaterThan(15);
  });

  it("ticks until told to stop", async () => {
    const clock = systemClock();
    let ticks = 0;
    const stop = clock.every(1, () => {
      ticks += 1;
    });
    await expect.poll(() => ticks).toBeGreaterThan(2);
    stop();
    const atStop = ticks;
    await clock.sleep(20);
    expect(ticks).toBe(atStop);
  });
});

describe("bootId", () => {
  it("is the kernel's, without dashes", () => {
    expect(bootId()).toMatch(/^[0-9a-f]{32}$/);
    expect(bootId()).toBe(bootId());
  });
});
