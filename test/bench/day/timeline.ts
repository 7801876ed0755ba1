import { z } from "zod";
import { CLOCK_QUALITIES } from "../../../agent/core/clock.ts";

/**
 * The time of a day on the bench, as plain data that every process of it is given anew whenever it changes. Times are vehicle time, ms since
 * the day's start, but for `machineMs`, which is of this machine's monotonic clock: the same in all processes.
 */
export const timeline = z.object({
  /** When the day starts, ms since the Unix epoch: the truth, which no clock of the vehicle need have. */
  startsAtMs: z.number(),
  /** Each from its `machineMs` on: what vehicle time it is there, and how many times faster it passes. */
  paces: z.array(z.object({ machineMs: z.number(), vehicleMs: z.number(), speed: z.number().positive() })).min(1),
  /** The gateway's wall clock, each from its `fromMs` on: how far it is off the truth, and how far it can be believed. */
  clocks: z.array(z.object({ fromMs: z.number(), offMs: z.number(), quality: z.enum(CLOCK_QUALITIES) })).min(1),
  /** The gateway's last boot. */
  bootedAtMs: z.number(),
  /** Suspends since that boot; the last one may go on. */
  suspends: z.array(z.object({ fromMs: z.number(), toMs: z.number().optional() })),
});
export type Timeline = z.infer<typeof timeline>;

/** This machine's monotonic clock, ms (CLOCK_MONOTONIC: one for all processes). */
export function machineNowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Vehicle time at a moment of the machine, ms. */
export function vehicleMsAt({ paces }: Timeline, machineMs: number): number {
  const pace = paces.findLast((one) => one.machineMs <= machineMs) ?? paces[0];
  return pace.vehicleMs + (machineMs - pace.machineMs) * pace.speed;
}

/** When vehicle time will be `vehicleMs`, if nothing changes, ms of the machine. */
export function machineMsAt({ paces }: Timeline, vehicleMs: number): number {
  const pace = paces.findLast((one) => one.vehicleMs <= vehicleMs) ?? paces[0];
  return pace.machineMs + (vehicleMs - pace.vehicleMs) / pace.speed;
}

/** What the gateway's wall clock shows, µs since the Unix epoch. */
export function wallUsAt(line: Timeline, vehicleMs: number): number {
  return Math.round((line.startsAtMs + vehicleMs + clockAt(line, vehicleMs).offMs) * 1000);
}

/** The clock that holds at a vehicle time. */
export function clockAt({ clocks }: Timeline, vehicleMs: number): Timeline["clocks"][number] {
  return clocks.findLast(({ fromMs }) => fromMs <= vehicleMs) ?? clocks[0];
}

/** ms since the gateway's boot in which it was suspended. */
export function suspendedMsAt({ suspends }: Timeline, vehicleMs: number): number {
  return suspends.reduce(
    (sum, { fromMs, toMs = vehicleMs }) => sum + Math.max(0, Math.min(toMs, vehicleMs) - fromMs),
    0,
  );
}

/** Whether the gateway is suspended, for all that is known. */
export function isSuspended({ suspends }: Timeline): boolean {
  const last = suspends.at(-1);
  return last !== undefined && last.toMs === undefined;
}
