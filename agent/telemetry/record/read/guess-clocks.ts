import { STREAMS } from "../../../ports/outbox.ts";
import type { BootClock } from "./boot-clock.ts";
import { boottimeUsOf, distanceUsOf } from "./correct-times.ts";

/** Where a boot began that was never given the time: wall time less boottime, and how far that may be wrong, µs. */
export type Guess = { readonly distanceUs: number; readonly errorUs: number };

/**
 * Places the boots of one thing whose clock was never right between those whose clock was: boots follow each other in the order of their seqs,
 * each begins after the last record of the one before, and a saved clock is never ahead. A boot that this does not bound on both sides is
 * in none of the answers. One whose own clock fits is left where that has it.
 */
export function guessDistances(boots: readonly BootClock[]): ReadonlyMap<BootClock, Guess> {
  const guesses = new Map<BootClock, Guess>();
  for (const line of linesOf(boots)) guessInOrder(line, guesses);
  return guesses;
}

/** The boots of each epoch in their order. Seqs of two epochs say nothing of each other. */
function linesOf(boots: readonly BootClock[]): readonly (readonly BootClock[])[] {
  const lines = new Map<string, BootClock[]>();
  for (const boot of boots) {
    for (const epoch of new Set([...boot.firstSeqs.keys()].map((line) => line.split(" ", 1)[0]))) {
      const line = lines.get(epoch) ?? [];
      lines.set(epoch, line);
      line.push(boot);
    }
  }
  return [...lines].map(([epoch, line]) => line.toSorted((one, other) => orderOf(epoch, one, other)));
}

/** By the first stream that both have records of; their clocks' own order where there is none. */
function orderOf(epoch: string, one: BootClock, other: BootClock): number {
  for (const stream of STREAMS) {
    const first = one.firstSeqs.get(`${Number(epoch)} ${stream}`);
    const second = other.firstSeqs.get(`${Number(epoch)} ${stream}`);
    if (first !== undefined && second !== undefined) return first - second;
  }
  return 0;
}

function guessInOrder(boots: readonly BootClock[], guesses: Map<BootClock, Guess>): void {
  const latest = latestBegins(boots);
  /** When the boot before ended at the earliest, and where it was placed. */
  let [boundUs, placedUs] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  boots.forEach((boot, at) => {
    const known = distanceOf(boot);
    const earliestUs = known ?? Math.max(boundUs, boot.savedDistanceUs);
    const bounds = { earliestUs, latestUs: latest[at], placedUs };
    const guess = known === undefined ? guessBetween(bounds, boot.savedDistanceUs) : undefined;
    if (guess !== undefined) guesses.set(boot, guess);
    boundUs = earliestUs + boot.lastUs;
    placedUs = (guess?.distanceUs ?? earliestUs) + boot.lastUs;
  });
}

type Bounds = { readonly earliestUs: number; readonly latestUs: number; readonly placedUs: number };

/** There where a saved clock has it, if that fits; else in the middle, but not before the boot before is over. */
function guessBetween({ earliestUs, latestUs, placedUs }: Bounds, savedUs: number): Guess | undefined {
  if (!(Number.isFinite(earliestUs) && Number.isFinite(latestUs) && earliestUs <= latestUs)) return undefined;
  const middleUs = Math.min(latestUs, Math.max(placedUs, (earliestUs + latestUs) / 2));
  const distanceUs = Math.round(Number.isFinite(savedUs) && savedUs >= placedUs ? savedUs : middleUs);
  return { distanceUs, errorUs: Math.max(distanceUs - earliestUs, latestUs - distanceUs) };
}

/** When each boot began at the latest: the next ones, and their records, came after it. */
function latestBegins(boots: readonly BootClock[]): readonly number[] {
  let nextUs = Number.POSITIVE_INFINITY;
  return boots
    .toReversed()
    .map((boot) => {
      nextUs = distanceOf(boot) ?? nextUs - boot.lastUs;
      return nextUs;
    })
    .toReversed();
}

/** Of the first moment at which its clock was right. */
function distanceOf({ truths }: BootClock): number | undefined {
  if (truths.length === 0) return undefined;
  return distanceUsOf(truths.reduce((one, other) => (boottimeUsOf(one) <= boottimeUsOf(other) ? one : other)));
}
