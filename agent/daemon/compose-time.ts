import type { TimeConfig } from "../../config/time.ts";
import { kernelClock } from "../../drivers/can/kernel-clock.ts";
import { clockKeepers } from "../../drivers/os/clock-keepers.ts";
import type { Clock } from "../core/clock.ts";
import { ClockBook } from "../vehicle/time/clock-book.ts";
import type { DataLine, Runtime, TimeLine } from "./parts.ts";
import { loopService } from "./services.ts";

/** Keeps the book of `clock`, which is the machine's. */
export function openClockBook(settings: TimeConfig, clock: Clock): ClockBook {
  const { sources, driftPpm } = settings;
  const keepers = clockKeepers({ keepers: sources, driftPpm });
  return new ClockBook({ clock, keepers, kernelErrorUs: kernelClock().errorUs, settings });
}

/** The part of the composition root for what the clock is worth. */
export function composeTime(
  { book, line }: { readonly book: ClockBook; readonly line: Pick<DataLine, "records" | "vehicle"> },
  { log }: Runtime,
): TimeLine {
  const { records, vehicle } = line;
  const service = loopService("clock book", {
    run: (signal) =>
      book.run(
        vehicle.steps,
        (change) => {
          const { after, reason, stepUs, untold } = change;
          log.info("clock.changed", { ...after, reason, stepMs: Math.round(stepUs / 1000), untold });
          records.clockChanges.handOver([change]);
        },
        signal,
      ),
  });
  return { service, status: () => ({ ...book.facts(), ...book.counters() }) };
}
