import { waitUntilOpen } from "../gate-wait.ts";
import { FINISHED, STOPPED, type StepOutcome } from "../step-outcome.ts";
import type { StepContext } from "../step-parts.ts";
import type { UpdateRecord } from "../update-record.ts";
import type { UpdateState } from "../update-state.ts";

/** The step `wait`: for the gate. */
export async function wait(
  _record: UpdateRecord,
  parts: StepContext,
  signal: AbortSignal,
): Promise<StepOutcome<"wait">> {
  return (await waitUntilAllowed(parts, signal)) ? FINISHED : STOPPED;
}

/** Waits for the gate. Gives false when `signal` aborts first. */
export function waitUntilAllowed(parts: StepContext, signal: AbortSignal): Promise<boolean> {
  return waitUntilOpen(() => parts.checks.gate(), parts, signal);
}

/**
 * Waits until the vehicle can do without what is to start anew. What goes forward waits for the gate. What goes back must not wait for
 * ever: a version that is not healthy may not show the signals that the gate asks for. A restart of the agent alone then comes at once,
 * one of the system within a time. Gives false when `signal` aborts first.
 */
export async function waitUntilStartAllowed(
  { awaits, failure }: UpdateState,
  parts: StepContext,
  signal: AbortSignal,
): Promise<boolean> {
  if (failure === undefined) return await waitUntilAllowed(parts, signal);
  if (awaits === "restart") return !signal.aborted;
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  const limit = parts.clock.sleep(parts.checks.rollbackWithinMs, either).then(() => over.abort());
  await waitUntilAllowed(parts, either);
  over.abort();
  await limit;
  return !signal.aborted;
}
