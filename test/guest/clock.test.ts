import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { EVERY_FRAME } from "../../agent/ports/can-bus.ts";
import { ClockBook } from "../../agent/telemetry/record/read/clock-book.ts";
import type { TimeBasis } from "../../agent/telemetry/record/read/correct-times.ts";
import { ClockSteps } from "../../agent/vehicle/time/clock-steps.ts";
import { kernelClock } from "../../drivers/can/kernel-clock.ts";
import { createNativeBus } from "../../drivers/can/native-bus.ts";
import { systemClock } from "../../drivers/os/time-source.ts";
import { until } from "../bench/core/wait.ts";
import { RecordingSink } from "../contract/can-bus.suite.ts";
import { MemoryLog } from "../fakes/core/log.ts";
import { samplesByBus } from "../fakes/telemetry/clocked-vehicle.ts";
import { announceLeapSecond, setClockError } from "./clock-error.ts";
import { recordedDrive } from "./clock-steps.ts";
import { addVcan } from "./vcan.ts";

const run = promisify(execFile);
const A_DAY_S = 86_400;
const TEN_YEARS_S = 315_576_000;
const clock = systemClock({ kernelErrorUs: kernelClock().errorUs, suspendedUs: kernelClock().suspendedUs });

/** Sets the clock of the guest, s since the Unix epoch. */
async function setClock(seconds: number): Promise<void> {
  await run("date", [`--set=@${seconds}`]);
}

const begun = { wallMs: Date.now(), monotonicMs: performance.now() };
// Other tests share the machine.
afterAll(async () => setClock((begun.wallMs + performance.now() - begun.monotonicMs) / 1000));

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
    // It is looked at once a second.
    await until(() => (clock.quality() === "ntp" ? true : undefined), { what: "the time is known", timeoutMs: 10_000 });
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

  it("inserts a leap second, which is one step back of a second in a time that is known, and no step of the time since the boot", async () => {
    await setClock(1_798_761_597);
    await run("sh", ["-c", announceLeapSecond(2000)]);
    const steps = new ClockSteps(clock);
    const seenMs: number[] = [];
    steps.onLook(({ steppedMs }) => void (steppedMs !== 0 && seenMs.push(steppedMs)));
    const end = steps.watch();
    const readings: { readonly wallMs: number; readonly bootMs: number }[] = [];
    const look = clock.every(50, () => readings.push({ wallMs: clock.wallUs() / 1000, bootMs: clock.boottimeMs() }));
    await until(() => (clock.wallUs() > 1_798_761_601e6 ? true : undefined), {
      what: "after midnight",
      timeoutMs: 20_000,
    });
    look();
    end();
    console.log(`leap second: steps of ${seenMs.map((ms) => ms.toFixed(1)).join(", ")} ms`);
    expect(seenMs).toHaveLength(1);
    expect(Math.abs((seenMs[0] ?? 0) + 1000)).toBeLessThan(50);
    const backwards = (of: readonly number[]) => of.filter((value, at) => value < (of[at - 1] ?? value)).length;
    expect(backwards(readings.map(({ bootMs }) => bootMs))).toBe(0);
    expect(backwards(readings.map(({ wallMs }) => wallMs))).toBe(1);
    expect(clock.quality()).toBe("ntp");
    await run("sh", ["-c", setClockError(2000)]);
  });

  it.each([
    ["beyond the end of 32 bits", 2_147_483_646],
    ["in 2040", 2_208_988_800],
  ])("goes on %s, frames and all", async (_case, seconds) => {
    const bus = createNativeBus(
      { name: "can0", interface: "vcan0", receiveBufferBytes: 1_000_000, ringFrames: 1024, filters: EVERY_FRAME },
      { clock, log: new MemoryLog() },
    );
    const sink = new RecordingSink();
    await bus.start(sink);
    await setClock(seconds);
    await until(() => (clock.wallUs() > (seconds + 2) * 1e6 ? true : undefined), {
      what: "2 s later",
      timeoutMs: 20_000,
    });
    await run("cansend", ["vcan0", "123#01"]);
    await sink.waitForFrames(1);
    await bus.stop();
    const receivedUs = sink.frames[0]?.receivedAtUs ?? 0;
    expect(receivedUs).toBeGreaterThan((seconds + 2) * 1e6);
    expect(receivedUs).toBeLessThan((seconds + 60) * 1e6);
    expect(kernelClock().errorUs()).toBeGreaterThanOrEqual(0);
  });
});
