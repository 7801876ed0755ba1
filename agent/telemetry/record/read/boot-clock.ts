import { isBelievable } from "../../../core/clock.ts";
import type { StreamName } from "../../../ports/outbox.ts";
import { boottimeUsOf, distanceUsOf, rankOf, type Truth } from "./correct-times.ts";
import type { DecodedRecord, RecordAnchor } from "./decoded-record.ts";

/** Moments of a boot that are kept; of what is beyond only the better ones. */
const MAX_TRUTHS = 256;
/** Moments of one quality and clock are not asked for more often, µs. */
const EVERY_US = 600_000_000;
/** Two clocks that are nearer are one, µs. */
const SAME_CLOCK_US = 1000;

/** Of which epoch and stream seqs are. */
type Line = `${number} ${StreamName}`;

/** What is known of the clock of one boot of a thing. */
export class BootClock {
  readonly truths: Truth[] = [];
  /** The first seq of it that was seen, by epoch and stream. */
  readonly firstSeqs = new Map<Line, number>();
  /** How long it lasted at least, µs. */
  lastUs = 0;
  /** Its clock was never behind these: a saved time goes on, and the machine was off meanwhile. Wall time less boottime, µs. */
  savedDistanceUs = Number.NEGATIVE_INFINITY;

  learn({ anchor, epoch, stream, seq, body }: DecodedRecord): void {
    const line: Line = `${epoch} ${stream}`;
    this.firstSeqs.set(line, Math.min(seq, this.firstSeqs.get(line) ?? seq));
    this.#note(anchor);
    if (body.kind !== "clock-change") return;
    const { monotonicUs, suspendedUs, wallUs, after } = body;
    this.#note({ monotonicUs, suspendedUs, wallUs, quality: after.quality, errorMs: after.errorMs });
  }

  #note(moment: Truth): void {
    this.lastUs = Math.max(this.lastUs, boottimeUsOf(moment));
    if (moment.quality === "saved") this.savedDistanceUs = Math.max(this.savedDistanceUs, distanceUsOf(moment));
    if (!isBelievable(moment.quality)) return;
    const known = this.truths.findIndex((truth) => isLike(truth, moment));
    if (known >= 0) {
      if (isMoreExact(moment, this.truths[known])) this.truths[known] = moment;
      return;
    }
    if (this.truths.length < MAX_TRUTHS) this.truths.push(moment);
    else this.#replaceWorst(moment);
  }

  #replaceWorst(moment: Truth): void {
    const ranks = this.truths.map(({ quality }) => rankOf(quality));
    const worst = ranks.indexOf(Math.min(...ranks));
    if (rankOf(moment.quality) > ranks[worst]) this.truths[worst] = moment;
  }
}

function isLike(one: Truth, other: RecordAnchor): boolean {
  if (one.quality !== other.quality) return false;
  if (Math.floor(boottimeUsOf(one) / EVERY_US) !== Math.floor(boottimeUsOf(other) / EVERY_US)) return false;
  return Math.abs(distanceUsOf(one) - distanceUsOf(other)) <= SAME_CLOCK_US;
}

/** One that says how far it is right, or else the earlier one, whatever the order in which they come. */
function isMoreExact(one: Truth, other: Truth): boolean {
  if (one.errorMs !== other.errorMs) {
    return (one.errorMs ?? Number.POSITIVE_INFINITY) < (other.errorMs ?? Number.POSITIVE_INFINITY);
  }
  return boottimeUsOf(one) < boottimeUsOf(other);
}
