import { z } from "zod";
import { CLOCK_QUALITIES } from "../../../agent/core/clock.ts";

/**
 * The time of a day on the bench, as plain data that every process of it is given anew whenever it changes. All times are vehicle time, ms
 * since the day's start.
 */
export const timeline = z.object({
  /** When the day starts, ms since the Unix epoch: the truth, which no clock of the vehicle need have. */
  startsAtMs: z.number(),
  /** From each `fromMs` on time passes so many times faster than on this machine. */
  paces: z.array(z.object({ fromMs: z.number(), speed: z.number().positive() })).min(1),
  /** The gateway's wall clock, from each `fromMs` on: how far it is off the truth, and how far it can be believed. */
  clocks: z.array(z.object({ fromMs: z.number(), offMs: z.number(), quality: z.enum(CLOCK_QUALITIES) })).min(1),
  /** The gateway's last boot. */
  bootedAtMs: z.number(),
  /** Suspends since that boot; the last one may go on. */
  suspends: z.array(z.object({ fromMs: z.number(), toMs: z.number().optional() })),
  /** Time waits for the agent where it is held up. */
  waits: z.boolean(),
});
export type Timeline = z.infer<typeof timeline>;

/** A moment of vehicle time, and when that was on this machine's monotonic clock; ms both. */
export type Pulse = { readonly vehicleMs: number; readonly machineMs: number };

/** After a pulse time passes for so long of the machine, and then stands until the next: whoever gives the pulse may have been held up. */
const LONGEST_MS = 10;

/** This machine's monotonic clock, ms (CLOCK_MONOTONIC: one for all processes). */
export function machineNowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Vehicle time at a moment of the machine, by the last pulse. */
export function vehicleMsAt({ paces }: Timeline, pulse: Pulse, machineMs: number): number {
  let restMs = Math.min(Math.max(0, machineMs - pulse.machineMs), LONGEST_MS);
  let vehicleMs = pulse.vehicleMs;
  for (;;) {
    const { speed, next } = paceAt(paces, vehicleMs);
    const untilNextMs = next === undefined ? Number.POSITIVE_INFINITY : (next - vehicleMs) / speed;
    if (restMs < untilNextMs) return vehicleMs + restMs * speed;
    restMs -= untilNextMs;
    vehicleMs = next ?? vehicleMs;
  }
}

/** How long the machine takes from one vehicle time to another at least. */
export function machineMsFor({ paces }: Timeline, fromMs: number, toMs: number): number {
  let machineMs = 0;
  let vehicleMs = fromMs;
  while (vehicleMs < toMs) {
    const { speed, next = toMs } = paceAt(paces, vehicleMs);
    const stopMs = Math.min(next, toMs);
    machineMs += (stopMs - vehicleMs) / speed;
    vehicleMs = stopMs;
  }
  return machineMs;
}

function paceAt(
  paces: Timeline["paces"],
  vehicleMs: number,
): { readonly speed: number; readonly next: number | undefined } {
  const { speed } = paces.findLast(({ fromMs }) => fromMs <= vehicleMs) ?? paces[0];
  return { speed, next: paces.find(({ fromMs }) => fromMs > vehicleMs)?.fromMs };
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
