import { type TimeConfig, timeConfig } from "../../config/time.ts";
import { kernelClock } from "../../drivers/can/kernel-clock.ts";
import { clockKeepers } from "../../drivers/os/clock-keepers.ts";
import { rtcsIn } from "../../drivers/os/clock-rtc.ts";
import type { Clock } from "../core/clock.ts";
import type { KeeperReading, Rtc } from "../ports/clock-keepers.ts";
import { type ClockFacts, judgeClock } from "../vehicle/time/clock-facts.ts";

/** What one look at this machine's clock finds. */
export type ClockSight = {
  readonly facts: ClockFacts;
  readonly readings: readonly KeeperReading[];
  readonly rtcs: readonly Rtc[];
};

/** Looks once, as the daemon looks regularly; without `settings` by their defaults. */
export async function lookAtClock(
  settings: TimeConfig | undefined,
  clock: Clock,
  signal: AbortSignal,
): Promise<ClockSight> {
  const { sources, driftPpm } = settings ?? timeConfig.parse({});
  const readings = await clockKeepers({ keepers: sources, driftPpm }).ask(signal);
  const evidence = { kernelErrorUs: kernelClock().errorUs(), readings, before: undefined, driftPpm };
  const facts = judgeClock({ quality: clock.quality(), nowMs: clock.boottimeMs(), ...evidence });
  return { facts, readings, rtcs: rtcsIn() };
}
