import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { ClockBook } from "../../agent/telemetry/record/read/clock-book.ts";
import type { TimeBasis } from "../../agent/telemetry/record/read/correct-times.ts";
import { kernelClock } from "../../drivers/can/kernel-clock.ts";
import { systemClock } from "../../drivers/os/time-source.ts";
import { samplesByBus } from "../fakes/telemetry/clocked-vehicle.ts";
import { setClockError } from "./clock-error.ts";
import { recordedDrive } from "./clock-steps.ts";
import { addVcan } from "./vcan.ts";

const run = promisify(execFile);
const A_DAY_S = 86_400;
const TEN_YEARS_S = 315_576_000;

describe("the kernel's clock", () => {
  it("is synchronised when whoever keeps it says so, and not before", async () => {
    const quality = () => systemClock({ kernelErrorUs: kernelClock().errorUs, timesyncFile: "/nonexistent" }).quality();
    await run("sh", ["-c", setClockError(16_000_000)]);
    expect(kernelClock().errorUs()).toBe(16_000_000);
    expect(quality()).not.toBe("ntp");
    await run("sh", ["-c", setClockError(2000)]);
    expect(kernelClock().errorUs()).toBeLessThan(1_000_000);
    expect(quality()).toBe("ntp");
  });

  it("may be set while frames come: their times are right afterwards to 10 ms, in their order", async () => {
    const kernel = kernelClock();
    const clock = systemClock({ kernelErrorUs: kernel.errorUs, suspendedUs: kernel.suspendedUs });
    const startDistanceMs = clock.wallUs() / 1000 - clock.boottimeMs();
    await addVcan("vcan7");
    const { sent, drive, set, records } = await recordedDrive(clock, "vcan7");
    // 1970 (the kernel takes no time before its boot), ten years on and back in the middle of the drive, some small steps, and then the true time from a time service.
    await set(A_DAY_S);
    await drive(40);
    for (const byS of [TEN_YEARS_S, -TEN_YEARS_S, 3600, -0.7, 0.9]) {
      // Frames come before and after the step within one turn of the reader.
      await Promise.all([drive(20), set(clock.wallUs() / 1e6 + byS)]);
      await drive(20);
    }
    await set((clock.boottimeMs() + startDistanceMs) / 1000);
    // Running date takes its time: what it has set is the truth of this test.
    const trueDistanceMs = clock.wallUs() / 1000 - clock.boottimeMs();
    await run("sh", ["-c", setClockError(2000)]);
    await drive(40);
    const all = await records();
    const book = new ClockBook();
    for (const record of all) book.learn(record);
    const [samples] = samplesByBus(all);
    expect(samples).toHaveLength(sent.length);
    const bases = new Map<TimeBasis, number>();
    let [worstMs, lastUs] = [0, 0];
    samples.forEach(({ record, timeUs }, at) => {
      const { shiftUs, basis } = book.correctionOf(record);
      bases.set(basis, (bases.get(basis) ?? 0) + 1);
      const rightUs = timeUs + shiftUs;
      expect(rightUs).toBeGreaterThanOrEqual(lastUs);
      lastUs = rightUs;
      const boottimeMs = rightUs / 1000 - trueDistanceMs;
      const errorMs = Math.max(sent[at].afterMs - boottimeMs, boottimeMs - sent[at].beforeMs, 0);
      worstMs = Math.max(worstMs, errorMs);
    });
    console.log(
      `${samples.length} frames in ${all.length} records: ${JSON.stringify([...bases])}, at most ${worstMs.toFixed(2)} ms off`,
    );
    expect(worstMs).toBeLessThanOrEqual(10);
    expect(bases.get("corrected")).toBeGreaterThan(200);
    expect(bases.get("clock")).toBeGreaterThan(20);
    expect(bases.size).toBe(2);
  });
});
