import type { Clock } from "../../core/clock.ts";
import type { Session } from "../mqtt/session.ts";
import type { Worker } from "./worker.ts";

/** Commits that fail in a row before the worker says that it is not well. */
const TOLERATED_FAILURES = 3;
/** Likewise, when messages are left to the broker and nothing is committed for so long, ms. */
const STALL_MS = 60_000;

/** Why the worker does not do what it is for; undefined while it does. */
export function problemOf(
  worker: Pick<Worker, "counters" | "status">,
  session: Pick<Session, "status">,
  clock: Clock,
): string | undefined {
  const { state, fault } = session.status();
  if (state !== "ready") return `not subscribed: ${fault ?? "connecting"}`;
  const { commitFailures, left, leftSinceMs } = worker.status();
  if (commitFailures >= TOLERATED_FAILURES) return `the sink has failed ${commitFailures} times in a row`;
  if (leftSinceMs === undefined) return undefined;
  const idleMs = clock.monotonicMs() - Math.max(leftSinceMs, worker.counters.committedMs ?? 0);
  return idleMs < STALL_MS ? undefined : `${left} messages are left to the broker, and nothing is committed`;
}
