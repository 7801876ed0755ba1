import { type ClockQuality, isBelievable } from "../core/clock.ts";
import type { CommandClass } from "./action.ts";
import { type CommandRejection, rejected } from "./answer.ts";
import type { CommandRequest } from "./request.ts";

/** The vehicle's clock at this moment. */
export type ClockReading = { readonly nowMs: number; readonly quality: ClockQuality };

/** The rejection of what names a time while nobody can say how late it is. */
export const CLOCK_UNKNOWN = rejected(
  "CLOCK_NOT_TRUSTED",
  "nothing has set or confirmed the vehicle's clock since it started",
);

/** Bounds of the times in a request. */
export type TimeBounds = {
  /** How far in the future an expiry may lie, ms: not longer than the ledger remembers. */
  readonly maxLifeMs: number;
  /** How far the requester's clock may be ahead of ours, ms. */
  readonly maxSkewMs: number;
};

/**
 * Whether a request has come in time. Its end is the earliest of its expiry, its issue time with its timeout, and the end of the
 * message's life. Whatever changes something must have an end, and whatever names a time needs a clock that can be believed: a
 * message that lay in the session while the vehicle slept must not act.
 */
export function timeRejection(
  request: CommandRequest,
  commandClass: CommandClass,
  reading: ClockReading,
  { maxLifeMs, maxSkewMs }: TimeBounds,
): CommandRejection | undefined {
  const { nowMs, quality } = reading;
  if (hasDied(request)) return rejected("TIMED_OUT_BEFORE_DISPATCH", "the message's life had ended when it came");
  const endMs = endOf(request);
  if (endMs === undefined && commandClass !== "R0") {
    return rejected("EXPIRY_MISSING", "expiresAtMs, or issuedAtMs with timeoutMs, must say when it is too late");
  }
  // A clock that goes on from an earlier boot is behind: what it takes for over is over, what it takes for alive may not be.
  const isTooLate = endMs !== undefined && endMs <= nowMs && quality !== "unsynchronised";
  if (isTooLate) return rejected("TIMED_OUT_BEFORE_DISPATCH", `it came ${nowMs - endMs} ms too late`);
  if (namesTime(request) && !isBelievable(quality)) return CLOCK_UNKNOWN;
  const startMs = startOf(request, maxSkewMs);
  if (startMs > nowMs) return rejected("NOT_YET_VALID", `it came ${startMs - nowMs} ms too early`);
  if (endMs === undefined || endMs <= nowMs + maxLifeMs) return undefined;
  return rejected("EXPIRY_TOO_LATE", `it may act for ${endMs - nowMs} ms, at most ${maxLifeMs} are allowed`);
}

/** Whether the message's life had ended when it came. */
function hasDied({ restOfLifeMs = Number.POSITIVE_INFINITY }: CommandRequest): boolean {
  return restOfLifeMs <= 0;
}

/** Whether it says anything that only a clock can judge. */
function namesTime({ expiresAtMs, issuedAtMs, notBeforeMs }: CommandRequest): boolean {
  return [expiresAtMs, issuedAtMs, notBeforeMs].some((time) => time !== undefined);
}

/** When it may act at the earliest: the requester's clock may be ahead of ours. */
function startOf({ notBeforeMs = 0, issuedAtMs = 0 }: CommandRequest, maxSkewMs: number): number {
  return Math.max(notBeforeMs, issuedAtMs - maxSkewMs);
}

/** The earlier of its two ends; undefined where it names none. */
function endOf({ expiresAtMs, issuedAtMs, timeoutMs }: CommandRequest): number | undefined {
  const timesOutMs = issuedAtMs === undefined || timeoutMs === undefined ? undefined : issuedAtMs + timeoutMs;
  return expiresAtMs === undefined || timesOutMs === undefined
    ? (expiresAtMs ?? timesOutMs)
    : Math.min(expiresAtMs, timesOutMs);
}
