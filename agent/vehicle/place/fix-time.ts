import { type ClockQuality, isBelievable } from "../../core/clock.ts";
import type { Fix } from "./fix.ts";

/** A fix that is further from the clock than this, either way, does not know the time: a receiver may be off by the leap seconds, and by weeks. */
const MOST_APART_US = 10_000_000;

/**
 * When a fix was, µs since the Unix epoch: by the receiver where the clock of the vehicle can be believed and bears it out, else when it
 * came in. A receiver whose count of weeks has rolled over (1024 weeks, IS-GPS-200) is years off and so never believed, and a clock that
 * cannot be believed stays the one that all samples of the record go by.
 */
export function timeOfFix({ timeUs, receivedAtUs }: Fix, quality: ClockQuality): number {
  if (timeUs === undefined || !isBelievable(quality)) return receivedAtUs;
  return Math.abs(timeUs - receivedAtUs) <= MOST_APART_US ? timeUs : receivedAtUs;
}
