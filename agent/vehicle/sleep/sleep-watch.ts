import type { Clock } from "../../core/clock.ts";

/** How often is looked, ms: how late a wake is found that nobody tells of. */
const LOOK_MS = 250;
/** Less than this was no sleep, ms. */
const LEAST_SUSPENDED_MS = 1000;
/** A process whose timer is later than this was stopped (SIGSTOP, freezer), ms: a busy one is late too, but less. */
const LEAST_STOPPED_MS = 2500;

/** Time in which nothing of ours ran: the machine was suspended, or the process was stopped. */
export type SleptTime = { readonly kind: "suspended" | "stopped"; readonly ms: number };

/** Finds out by the clocks that it slept, whoever sent it to sleep. Ends when the returned function is called. */
export function watchForSleep(clock: Clock, onSlept: (slept: SleptTime) => void): () => void {
  const suspendedMs = (): number => clock.boottimeMs() - clock.monotonicMs();
  let before = { suspendedMs: suspendedMs(), atMs: clock.monotonicMs() };
  return clock.every(LOOK_MS, () => {
    const now = { suspendedMs: suspendedMs(), atMs: clock.monotonicMs() };
    const sleptMs = now.suspendedMs - before.suspendedMs;
    const lateMs = now.atMs - before.atMs - LOOK_MS;
    before = now;
    if (sleptMs >= LEAST_SUSPENDED_MS) onSlept({ kind: "suspended", ms: sleptMs });
    else if (lateMs >= LEAST_STOPPED_MS) onSlept({ kind: "stopped", ms: lateMs });
  });
}
