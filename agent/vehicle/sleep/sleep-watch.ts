import type { Clock } from "../../core/clock.ts";

/** How often is looked, ms: how late a wake is found that nobody tells of. */
const LOOK_MS = 250;
/** Less than this was no sleep, ms. */
const LEAST_SUSPENDED_MS = 1000;
/** A process whose timer is later than this was stopped (SIGSTOP, freezer), ms, unless it was busy or got little of the CPU. */
const LEAST_STOPPED_MS = 2500;
/** CPU time that a process uses until it is stopped, from one look on, ms: who used more in the gap ran in it. */
const MOST_CPU_MS = LOOK_MS;

/** Time in which nothing of ours ran: the machine was suspended, or the process was stopped. */
export type SleptTime = { readonly kind: "suspended" | "stopped"; readonly ms: number };

export type SleepWatchParts = {
  readonly clock: Clock;
  /** CPU time that the process has used, all threads, ms. */
  readonly cpuMs: () => number;
};

/** Finds out by the clocks that it slept, whoever sent it to sleep. Ends when the returned function is called. */
export function watchForSleep({ clock, cpuMs }: SleepWatchParts, onSlept: (slept: SleptTime) => void): () => void {
  const look = () => {
    const atMs = clock.monotonicMs();
    return { suspendedMs: clock.boottimeMs() - atMs, atMs, cpuMs: cpuMs() };
  };
  let before = look();
  return clock.every(LOOK_MS, () => {
    const now = look();
    const sleptMs = now.suspendedMs - before.suspendedMs;
    const lateMs = now.atMs - before.atMs - LOOK_MS;
    const usedMs = now.cpuMs - before.cpuMs;
    before = now;
    if (sleptMs >= LEAST_SUSPENDED_MS) onSlept({ kind: "suspended", ms: sleptMs });
    else if (lateMs >= LEAST_STOPPED_MS && usedMs <= MOST_CPU_MS) onSlept({ kind: "stopped", ms: lateMs });
  });
}
