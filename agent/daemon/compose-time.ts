import type { TimeConfig } from "../../config/time.ts";
import { kernelClock } from "../../drivers/can/kernel-clock.ts";
import { clockKeepers } from "../../drivers/os/clock-keepers.ts";
import type { Clock } from "../core/clock.ts";
import type { ClockChange } from "../telemetry/record/encode/clock-change.ts";
import { ClockBook } from "../vehicle/time/clock-book.ts";
import type { ClockSteps } from "../vehicle/time/clock-steps.ts";
import type { RecordSinks, Runtime, TimeLine } from "./parts.ts";
import { loopService } from "./services.ts";

/** Keeps the book of `clock`, which is the machine's. */
export function openClockBook(settings: TimeConfig, clock: Clock): ClockBook {
  const { sources, driftPpm } = settings;
  const keepers = clockKeepers({ keepers: sources, driftPpm });
  return new ClockBook({ clock, keepers, kernelErrorUs: kernelClock().errorUs, settings });
}

export type TimeParts = {
  readonly book: ClockBook;
  readonly clockChanges: RecordSinks["clockChanges"];
  readonly steps: ClockSteps;
};

/** The part of the composition root for what the clock is worth. */
export function composeTime({ book, clockChanges, steps }: TimeParts, { log }: Pick<Runtime, "log">): TimeLine {
  const tell = (change: ClockChange): void => {
    const { after, reason, stepUs, untold } = change;
    log.info("clock.changed", { ...after, reason, stepMs: Math.round(stepUs / 1000), untold });
    clockChanges.handOver([change]);
  };
  const service = loopService("clock book", { run: (signal) => book.run(steps, tell, signal) });
  return { service, status: () => ({ ...book.facts(), ...book.counters() }) };
}
