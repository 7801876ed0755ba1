import type { Validity } from "../core/validity.ts";
import { type IdentityState, positionOf } from "./identity-state.ts";

/** Which part of a life is left when renewal starts, and over which part of that it is spread. */
export type RenewalShares = { readonly remainingShare: number; readonly jitterShare: number };

/** What is known of the identity in use. `life` is undefined while nobody can say how long its certificate lasts, and what time it is. */
export type RenewalFacts = { readonly state: IdentityState; readonly life: Validity | undefined };

/**
 * When there is something to do, ms since the Unix epoch: 0, which is at once, for a change that was cut and for keys that are left
 * over; otherwise the start of the next renewal. Undefined while nobody can say, and where renewal is off.
 */
export function renewalDueMs(
  { state, life }: RenewalFacts,
  settings: RenewalShares & { readonly enabled: boolean },
  random: number,
): number | undefined {
  const isCut = positionOf(state) !== "settled" && state.change?.kind !== "enrol";
  if (isCut || state.discarded.length > 0) return 0;
  return life === undefined || !settings.enabled ? undefined : renewalStartMs(life, settings, random);
}

/**
 * When the renewal of a certificate starts, ms since the Unix epoch: when `remainingShare` of its whole life is left, and up to
 * `jitterShare` of that later. `random`, 0 <= x < 1, is the same from one question to the next.
 */
export function renewalStartMs(
  { notBefore, notAfter }: Validity,
  { remainingShare, jitterShare }: RenewalShares,
  random: number,
): number {
  const endMs = Date.parse(notAfter);
  const remainingMs = (endMs - Date.parse(notBefore)) * remainingShare;
  return endMs - remainingMs + remainingMs * jitterShare * random;
}
