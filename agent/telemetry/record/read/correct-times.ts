import { type ClockQuality, isBelievable } from "../../../core/clock.ts";
import type { RecordAnchor, RecordBody } from "./decoded-record.ts";

/**
 * What a time is: as the vehicle had it, by a clock that was right ("clock"); made right afterwards ("corrected"); placed between what is known
 * of the boots before and after ("guessed"); or as the vehicle had it, and nobody can say what it is worth ("unknown").
 */
export type TimeBasis = "clock" | "corrected" | "guessed" | "unknown";

/** How the times of a record are made right. */
export type TimeCorrection = {
  /** To be added to each time of the record, µs. */
  readonly shiftUs: number;
  /** What the times are worth with it. */
  readonly quality: ClockQuality;
  readonly basis: TimeBasis;
  /** How far they may be wrong then, ms, as an estimate; undefined where nothing is known of that. */
  readonly errorMs: number | undefined;
};

/** A moment at which the clock was right; `errorMs` where the vehicle said how far. */
export type Truth = RecordAnchor & { readonly errorMs?: number | undefined };

/** Two clocks of one boot that are nearer than this are one, µs: so a time that was right stays as it is. */
const SAME_CLOCK_US = 5000;
/** A crystal in a vehicle, over its temperatures: by this the clocks of a vehicle that nobody disciplines go wrong. */
export const DRIFT = 100e-6;
/** Where the machine slept between the moment and the record, and its clock was taken up again from an RTC that counts whole seconds, ms. */
const SUSPEND_ERROR_MS = 1000;
/** Largest usual error of a clock whose vehicle does not say one, ms: a receiver; a server over a mobile network; an RTC. */
const USUAL_ERROR_MS: Readonly<Record<ClockQuality, number | undefined>> = {
  gps: 1,
  ntp: 50,
  rtc: 2000,
  saved: undefined,
  unsynchronised: undefined,
};
const RANKS: Readonly<Record<ClockQuality, number>> = { unsynchronised: 0, saved: 0.5, rtc: 1, ntp: 2, gps: 3 };
/** A time is by the clock of its record when it is not from before the boot, but for this, µs. */
const BEFORE_BOOT_US = 5_000_000;
/** And not from so long after the record: windows that were cut short end in the future, and a record that stands for others has the anchor of the first. */
const AFTER_RECORD_US = 30 * 86_400_000_000;

/** Of two qualities the better one has the higher rank; from 0. */
export function rankOf(quality: ClockQuality): number {
  return RANKS[quality];
}

/** Time since the boot with what the machine was suspended, µs. */
export function boottimeUsOf({ monotonicUs, suspendedUs = 0 }: RecordAnchor): number {
  return monotonicUs + suspendedUs;
}

/** Wall time less boottime, µs: the same within a boot until somebody sets the clock. */
export function distanceUsOf(anchor: RecordAnchor): number {
  return anchor.wallUs - boottimeUsOf(anchor);
}

/**
 * Whether a time in a record can be by the clock of its anchor. It is not where it was kept from an earlier boot, or came by the clock of
 * somebody else, such as a gateway or a log that is played: nothing is known of that one.
 */
export function isByAnchor(anchor: RecordAnchor, timeUs: number): boolean {
  return timeUs >= distanceUsOf(anchor) - BEFORE_BOOT_US && timeUs <= anchor.wallUs + AFTER_RECORD_US;
}

/** The first time that a record has beside that of its anchor; undefined where there is none. */
export function stampOf(body: RecordBody): number | undefined {
  if (body.kind === "samples") return body.columns[0]?.timesUs[0];
  if (body.kind === "rows") return body.rows[0]?.timeUs;
  if (body.kind === "frames") return body.frames[0]?.receivedAtUs;
  return "timeUs" in body ? body.timeUs : undefined;
}

/**
 * How the times of a record with the anchor `own` are made right by moments of its boot at which the clock was right, in any order.
 *
 * A moment counts when its clock was worth more; of those the best quality. Before the first and after the last one the distance is that of
 * the nearest, and between two it goes evenly from one to the other, as a crystal does. A clock that is still believable after the last
 * moment goes on from the right time; one that is not any more was set by somebody who did not know it.
 */
export function correctionOf(own: RecordAnchor, truths: readonly Truth[]): TimeCorrection {
  const { quality } = own;
  const [before, after] = around(own, truths);
  const near = nearer(own, before, after);
  if (near === undefined || (after === undefined && isBelievable(quality))) {
    const basis = isBelievable(quality) ? "clock" : "unknown";
    return { shiftUs: 0, quality, basis, errorMs: USUAL_ERROR_MS[quality] };
  }
  const ownUs = distanceUsOf(own);
  const used = [before, after].filter((truth) => truth !== undefined);
  const isSame = used.every((truth) => Math.abs(distanceUsOf(truth) - ownUs) <= SAME_CLOCK_US);
  const shiftUs = isSame ? 0 : distanceAt(boottimeUsOf(own), before ?? near, after ?? near) - ownUs;
  return { shiftUs, quality: near.quality, basis: isSame ? "clock" : "corrected", errorMs: errorOf(own, near) };
}

/** The nearest moments of the best quality that is better than its own, before and after. */
function around(own: RecordAnchor, truths: readonly Truth[]): readonly [Truth | undefined, Truth | undefined] {
  const best = Math.max(...truths.map((truth) => rankOf(truth.quality)));
  let [before, after]: [Truth | undefined, Truth | undefined] = [undefined, undefined];
  if (!(best > rankOf(own.quality))) return [before, after];
  const ownUs = boottimeUsOf(own);
  for (const truth of truths) {
    if (rankOf(truth.quality) < best) continue;
    const atUs = boottimeUsOf(truth);
    if (atUs < ownUs && (before === undefined || atUs > boottimeUsOf(before))) before = truth;
    if (atUs >= ownUs && (after === undefined || atUs < boottimeUsOf(after))) after = truth;
  }
  return [before, after];
}

function nearer(own: RecordAnchor, before: Truth | undefined, after: Truth | undefined): Truth | undefined {
  if (before === undefined || after === undefined) return before ?? after;
  const ownUs = boottimeUsOf(own);
  return ownUs - boottimeUsOf(before) < boottimeUsOf(after) - ownUs ? before : after;
}

/** Distance at a boottime between two moments. */
function distanceAt(atUs: number, before: Truth, after: Truth): number {
  const [beforeUs, afterUs] = [boottimeUsOf(before), boottimeUsOf(after)];
  const share = afterUs > beforeUs ? (atUs - beforeUs) / (afterUs - beforeUs) : 0;
  return Math.round(distanceUsOf(before) + (distanceUsOf(after) - distanceUsOf(before)) * share);
}

function errorOf(own: RecordAnchor, truth: Truth): number | undefined {
  const base = truth.errorMs ?? USUAL_ERROR_MS[truth.quality];
  if (base === undefined) return undefined;
  const apartMs = Math.abs(boottimeUsOf(truth) - boottimeUsOf(own)) / 1000;
  const hasSlept = (truth.suspendedUs ?? 0) !== (own.suspendedUs ?? 0);
  return Math.ceil(base + apartMs * DRIFT + (hasSlept ? SUSPEND_ERROR_MS : 0));
}
