import { type ClockQuality, isBelievable } from "../../../core/clock.ts";
import type { StreamName } from "../../../ports/outbox.ts";
import { boottimeUsOf, DRIFT, distanceUsOf, type Truth } from "./correct-times.ts";
import type { DecodedRecord, RecordAnchor } from "./decoded-record.ts";

/** Moments of a boot that are kept: of a long one fewer an hour, over all of it. */
const MAX_TRUTHS = 256;
/** Moments of one quality and clock are not asked for more often, µs; doubled whenever there are too many. */
const EVERY_US = 600_000_000;
/** Two clocks that are nearer are one, µs; or, where moments are kept less often, than they may drift meanwhile. */
const SAME_CLOCK_US = 1000;

/** Of which epoch and stream seqs are. */
type Line = `${number} ${StreamName}`;

/** What is known of the clock of one boot of a thing. */
export class BootClock {
  readonly truths: Truth[] = [];
  #everyUs = EVERY_US;
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
    this.#keep(moment);
    if (this.truths.length > MAX_TRUTHS) this.#thin();
  }

  #keep(moment: Truth): void {
    const known = this.truths.findIndex((truth) => isLike(truth, moment, this.#everyUs));
    if (known < 0) this.truths.push(moment);
    else if (isMoreExact(moment, this.truths[known])) this.truths[known] = moment;
  }

  /** Keeps half as many, evenly over the boot. */
  #thin(): void {
    this.#everyUs *= 2;
    const all = this.truths.splice(0);
    for (const truth of all) this.#keep(truth);
    // Of a clock that is set all the time none is like another.
    const kept = this.truths.splice(0);
    this.truths.push(...(kept.length > (MAX_TRUTHS * 3) / 4 ? halfOf(kept) : kept));
  }
}

/** The first of each quality, the third, and so on. */
function halfOf(truths: readonly Truth[]): readonly Truth[] {
  const counts = new Map<ClockQuality, number>();
  const inOrder = truths.toSorted((one, other) => boottimeUsOf(one) - boottimeUsOf(other));
  return inOrder.filter(({ quality }) => {
    const count = counts.get(quality) ?? 0;
    counts.set(quality, count + 1);
    return count % 2 === 0;
  });
}

function isLike(one: Truth, other: RecordAnchor, everyUs: number): boolean {
  if (one.quality !== other.quality) return false;
  if (Math.floor(boottimeUsOf(one) / everyUs) !== Math.floor(boottimeUsOf(other) / everyUs)) return false;
  const sameUs = everyUs === EVERY_US ? SAME_CLOCK_US : everyUs * DRIFT;
  return Math.abs(distanceUsOf(one) - distanceUsOf(other)) <= sameUs;
}

/** One that says how far it is right, or else the earlier one, whatever the order in which they come. */
function isMoreExact(one: Truth, other: Truth): boolean {
  if (one.errorMs !== other.errorMs) {
    return (one.errorMs ?? Number.POSITIVE_INFINITY) < (other.errorMs ?? Number.POSITIVE_INFINITY);
  }
  return boottimeUsOf(one) < boottimeUsOf(other);
}
