import { setTimeout as sleep } from "node:timers/promises";

/** How long to wait and how often to look. `what` names the condition in the error. */
export type Patience = { readonly what: string; readonly timeoutMs: number; readonly everyMs?: number };

/** Asks `probe` again and again until it gives a value; throws with `what` in the message when the time is over. */
export async function until<T>(probe: () => T | undefined | Promise<T | undefined>, patience: Patience): Promise<T> {
  const end = performance.now() + patience.timeoutMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined) return value;
    if (performance.now() > end) throw new Error(`${patience.what}: not within ${patience.timeoutMs} ms`);
    await sleep(patience.everyMs ?? 25);
  }
}

/** Long enough for the slowest machine that the bench is run on, an emulated one: what has failed is noticed sooner by its end. */
export const START_TIMEOUT_MS = 90_000;

/** Waits for `probe` to give a value while a process starts; throws at once when the process ends instead. */
export function untilStarted<T>(
  process_: { hasEnded(): boolean },
  probe: () => T | undefined,
  what: string,
): Promise<T> {
  const probeAlive = (): T | undefined => {
    const value = probe();
    if (value === undefined && process_.hasEnded()) throw new Error(`${what}: its process has ended`);
    return value;
  };
  return until(probeAlive, { what, timeoutMs: START_TIMEOUT_MS });
}
