import { describe, expect, it } from "vitest";
import { composeTime } from "../../../agent/daemon/compose-time.ts";
import type { ClockChange } from "../../../agent/telemetry/record/encode/clock-change.ts";
import { ClockBook } from "../../../agent/vehicle/time/clock-book.ts";
import { ClockSteps } from "../../../agent/vehicle/time/clock-steps.ts";
import { timeConfig } from "../../../config/time.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { FakeClockKeepers, readingOf } from "../../fakes/vehicle/clock-keepers.ts";

describe("composeTime", () => {
  it("hands each change over as a record and says it in the log and the status, until it is stopped", async () => {
    const clock = new ManualClock();
    const log = new MemoryLog();
    const keepers = new FakeClockKeepers();
    keepers.readings = [readingOf()];
    const book = new ClockBook({ clock, keepers, kernelErrorUs: () => 2000, settings: timeConfig.parse({}) });
    const steps = new ClockSteps(clock);
    const told: ClockChange[] = [];
    const clockChanges = {
      handOver: (changes: readonly ClockChange[]) => void told.push(...changes),
      hasRoom: () => true,
      isStored: () => true,
    };
    const { service, status } = composeTime({ book, clockChanges, steps }, { log });
    const endWatch = steps.watch();
    await service.start();
    await clock.run(1000);
    clock.stepWall(-5_000_000);
    await clock.run(2000);
    expect(told.map(({ reason, stepUs }) => [reason, stepUs])).toEqual([
      ["start", 0],
      ["step", -5_000_000],
    ]);
    expect(log.of("clock.changed").map(({ facts }) => facts)).toMatchObject([
      { quality: "ntp", source: "chrony", errorMs: 3, reason: "start", stepMs: 0 },
      { reason: "step", stepMs: -5000, untold: 0 },
    ]);
    expect(status()).toMatchObject({ quality: "ntp", source: "chrony", errorMs: 3, changes: 2, untold: 0 });
    await service.stop();
    endWatch();
    expect(clock.waiting()).toBe(0);
  });
});
