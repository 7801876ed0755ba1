/** ms of the monotonic clock, with a fraction: the same to all processes of a boot. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
