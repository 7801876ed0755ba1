import { readFileSync } from "node:fs";

/** Clock ticks a second in /proc. */
const TICKS_PER_SECOND = 100;

/** Time of all cores of this machine since it was started (proc_stat(5)): spent on any process, and altogether. */
export function machineUsage(file = "/proc/stat"): { readonly busyUs: number; readonly totalUs: number } {
  const [line] = readFileSync(file, "utf8").split("\n");
  // user nice system idle iowait irq softirq steal; guest times are in user and nice already.
  const ticks = line.split(/\s+/).slice(1, 9).map(Number);
  const total = ticks.reduce((sum, count) => sum + count, 0);
  const idle = ticks[3] + ticks[4];
  const us = (count: number): number => (count * 1e6) / TICKS_PER_SECOND;
  return { busyUs: us(total - idle), totalUs: us(total) };
}
