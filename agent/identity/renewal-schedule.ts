import type { Validity } from "../core/validity.ts";

/** Which part of a life is left when renewal starts, and over which part of that it is spread. */
export type RenewalShares = { readonly remainingShare: number; readonly jitterShare: number };

/**
 * When the renewal of a certificate starts, ms since the Unix epoch: when `remainingShare` of its whole life is left, and up to
 * `jitterShare` of that later. `random`, 0 <= x < 1, is drawn once for each certificate.
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
