import type { ClockQuality } from "../../core/clock.ts";
import type { DecodedRecord } from "../../telemetry/record/read/decoded-record.ts";

/** One moment on both clocks of a vehicle, as a record has it. */
export type Anchor = DecodedRecord["anchor"];

/** wall - monotonic, µs: what stays the same while nobody sets the clock and the vehicle does not suspend. */
export function offsetOf({ wallUs, monotonicUs }: Anchor): number {
  return wallUs - monotonicUs;
}

/**
 * Of two anchors of one boot (thing and boot id) the one that others are put right by: the better quality, of equal ones the earlier, which
 * is nearer to those that need it. Whatever the order in which all anchors of a boot are compared, the same one is left.
 */
export function betterAnchor(one: Anchor, other: Anchor): Anchor {
  const rank = rankOf(one.quality) - rankOf(other.quality);
  if (rank !== 0) return rank > 0 ? one : other;
  if (one.monotonicUs !== other.monotonicUs) return one.monotonicUs < other.monotonicUs ? one : other;
  return one.wallUs <= other.wallUs ? one : other;
}

/** Whether other records may be of the boot of this one, so that their anchors and its own are compared. */
export function isOfBoot({ bootId }: Pick<DecodedRecord, "bootId">): boolean {
  return bootId !== "";
}

/** How the times of a record are put right. */
export type ClockShift = {
  /** To be added to each time of the record, µs. */
  readonly shiftUs: number;
  /** What the times are worth with it. */
  readonly quality: ClockQuality;
};

/**
 * The shift of a record with the anchor `own`, in a boot whose best anchor is `best` (undefined: none is known).
 *
 * Only an anchor of better quality that was made later puts times right. After it the clock goes on from the right time even where nothing
 * confirms it any more; a difference then is a suspend, which the monotonic clock does not count. A suspend between the record and the
 * later anchor is in the shift, and cannot be told from it.
 */
export function shiftOf(own: Anchor, best: Anchor | undefined): ClockShift {
  const isBetter = best !== undefined && rankOf(best.quality) > rankOf(own.quality);
  if (!isBetter || best.monotonicUs < own.monotonicUs) return { shiftUs: 0, quality: own.quality };
  return { shiftUs: offsetOf(best) - offsetOf(own), quality: best.quality };
}

/** Ranks are in the store's files. What came later is between others. */
const RANKS: Readonly<Record<ClockQuality, number>> = { unsynchronised: 0, saved: 0.5, rtc: 1, ntp: 2, gps: 3 };

/** Of two qualities the better one has the higher rank; from 0. */
export function rankOf(quality: ClockQuality): number {
  return RANKS[quality];
}
