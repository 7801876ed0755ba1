import type { Clock } from "../../core/clock.ts";
import { type GateVerdict, waitUntilClosed, waitUntilOpen } from "../gate-wait.ts";
import { STOPPED } from "../step-outcome.ts";
import type { UpdateProgress } from "../update-progress.ts";

/** The link that a download may use, and what it waits with. */
export type LinkPolicy = {
  readonly link: () => Promise<GateVerdict>;
  readonly progress: UpdateProgress;
  readonly clock: Pick<Clock, "sleep">;
};

/**
 * Does `work` while the link may be used: stops it when it no longer may, waits for another link, and does it again. Gives "stopped" when
 * `signal` aborts.
 */
export async function whileLinkAllows<T extends { readonly kind: string }>(
  policy: LinkPolicy,
  work: (signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
): Promise<T | typeof STOPPED> {
  while (await waitUntilOpen(policy.link, policy, signal)) {
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    const watching = waitUntilClosed(policy.link, policy.clock, either).then(() => over.abort());
    try {
      const outcome = await work(either);
      if (outcome.kind !== "stopped") return outcome;
    } finally {
      over.abort();
      await watching;
    }
  }
  return STOPPED;
}
