import { driveAt } from "../vehicle/drive-cycle.ts";

/** A leg of a trip: one round of the bench's drive, from standstill to standstill. */
export const LEG_MS = 168_000;

/** How far so many legs are. */
export function legMetres(legs: number): number {
  return driveAt((legs * LEG_MS) / 1000).distanceM;
}
