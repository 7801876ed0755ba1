import { boottimeUsOf, correctionOf, rankOf, type TimeCorrection } from "../../telemetry/record/read/correct-times.ts";
import type { DecodedRecord, RecordAnchor } from "../../telemetry/record/read/decoded-record.ts";

/** One moment on the clocks of a vehicle. A store keeps boottime in the place of monotonic and suspended time: nothing else is asked for. */
export type Anchor = RecordAnchor;

/**
 * Of two anchors of one boot (thing and boot id) the one that others are put right by: the better quality, of equal ones the earlier, which
 * is nearer to those that need it. Whatever the order in which all anchors of a boot are compared, the same one is left.
 */
export function betterAnchor(one: Anchor, other: Anchor): Anchor {
  const rank = rankOf(one.quality) - rankOf(other.quality);
  if (rank !== 0) return rank > 0 ? one : other;
  const laterUs = boottimeUsOf(one) - boottimeUsOf(other);
  if (laterUs !== 0) return laterUs < 0 ? one : other;
  return one.wallUs <= other.wallUs ? one : other;
}

/** Whether other records may be of the boot of this one, so that their anchors and its own are compared. */
export function isOfBoot({ bootId }: Pick<DecodedRecord, "bootId">): boolean {
  return bootId !== "";
}

/** How the times of a record are put right. */
export type ClockShift = Pick<TimeCorrection, "shiftUs" | "quality" | "basis">;

/** The shift of a record with the anchor `own`, in a boot whose best anchor is `best` (undefined: none is known); see `correctionOf`. */
export function shiftOf(own: Anchor, best: Anchor | undefined): ClockShift {
  return correctionOf(own, best === undefined ? [] : [best]);
}
