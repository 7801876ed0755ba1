import { LEAST_SUSPENDED_MS } from "../../core/clock.ts";
import { type ClockSteps, LOOK_MS } from "../time/clock-steps.ts";

/** A process whose timer is later than this was stopped (SIGSTOP, freezer), ms, unless it was busy or got little of the CPU. */
const LEAST_STOPPED_MS = 2500;
/** CPU time that a process uses until it is stopped, from one look on, ms: who used more in the gap ran in it. */
const MOST_CPU_MS = LOOK_MS;

/** Time in which nothing of ours ran: the machine was suspended, or the process was stopped. */
export type SleptTime = { readonly kind: "suspended" | "stopped"; readonly ms: number };

export type SleepWatchParts = {
  readonly steps: Pick<ClockSteps, "onLook">;
  /** CPU time that the process has used, all threads, ms. */
  readonly cpuMs: () => number;
};

/** Finds out by the clocks, when `steps` looks, that it slept, whoever sent it to sleep. Ends when the returned function is called. */
export function watchForSleep({ steps, cpuMs }: SleepWatchParts, onSlept: (slept: SleptTime) => void): () => void {
  let beforeMs = cpuMs();
  return steps.onLook(({ suspendedMs, passedMs }) => {
    const nowMs = cpuMs();
    const usedMs = nowMs - beforeMs;
    const lateMs = passedMs - LOOK_MS;
    beforeMs = nowMs;
    if (suspendedMs >= LEAST_SUSPENDED_MS) onSlept({ kind: "suspended", ms: suspendedMs });
    else if (lateMs >= LEAST_STOPPED_MS && usedMs <= MOST_CPU_MS) onSlept({ kind: "stopped", ms: lateMs });
  });
}
