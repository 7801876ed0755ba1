import { describe, expect, it } from "vitest";
import { ChangeSignal } from "../../../agent/core/change-signal.ts";

/** Whether a promise has resolved by now. */
async function isResolved(promise: Promise<void>): Promise<boolean> {
  return await Promise.race([promise.then(() => true), new Promise<boolean>((done) => setImmediate(done, false))]);
}

describe("ChangeSignal", () => {
  it("resumes all who wait, and only those", async () => {
    const change = new ChangeSignal();
    const { signal } = new AbortController();
    const waiting = [change.next(signal), change.next(signal)];
    change.notify();
    const later = change.next(signal);
    expect(await Promise.all(waiting.map(isResolved))).toEqual([true, true]);
    expect(await isResolved(later)).toBe(false);
    change.notify();
    expect(await isResolved(later)).toBe(true);
  });

  it("resumes a waiter whose signal aborts, without the others", async () => {
    const change = new ChangeSignal();
    const stop = new AbortController();
    const stopped = change.next(stop.signal);
    const other = change.next(new AbortController().signal);
    stop.abort();
    expect([await isResolved(stopped), await isResolved(other)]).toEqual([true, false]);
    expect(await isResolved(change.next(stop.signal))).toBe(true);
  });
});
