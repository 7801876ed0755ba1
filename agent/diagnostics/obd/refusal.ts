/** Service, subfunction or request not supported (ISO 14229-1, A.1). */
const FOR_GOOD: readonly number[] = [0x11, 0x12, 0x31];

/** Whether an ECU that refuses with this code will never answer the same request; with any other it may later. */
export function isRefusedForGood(code: number): boolean {
  return FOR_GOOD.includes(code);
}
