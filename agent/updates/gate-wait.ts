import type { Clock } from "../core/clock.ts";
import type { UpdateProgress } from "./update-progress.ts";

/**
 * Between two looks at a gate that is closed, ms. Signals that must be fresh, a time of day and the link of the moment announce nothing,
 * and the vehicle's state must hold over several looks.
 */
const POLL_MS = 1000;

/** Whether the update may go on now; if not, what it waits for, for people. */
export type GateVerdict = { readonly kind: "open" } | { readonly kind: "closed"; readonly waitingFor: string };

/** Looks until the gate is open, and says meanwhile in `progress` what for. Gives false when `signal` aborts first. */
export async function waitUntilOpen(
  look: () => GateVerdict | Promise<GateVerdict>,
  { progress, clock }: { readonly progress: UpdateProgress; readonly clock: Pick<Clock, "sleep"> },
  signal: AbortSignal,
): Promise<boolean> {
  try {
    while (!signal.aborted) {
      const verdict = await look();
      if (verdict.kind === "open") return true;
      progress.waitingFor = verdict.waitingFor;
      await clock.sleep(POLL_MS, signal);
    }
    return false;
  } finally {
    progress.waitingFor = undefined;
  }
}

/** Waits for a closed gate. Resolves when `look` finds it so, or when `signal` aborts. */
export async function waitUntilClosed(
  look: () => Promise<GateVerdict>,
  clock: Pick<Clock, "sleep">,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(POLL_MS, signal);
    if (!signal.aborted && (await look()).kind === "closed") return;
  }
}
