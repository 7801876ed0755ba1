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
