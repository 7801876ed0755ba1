import { describe, expect, it } from "vitest";
import { FairTurns } from "../../../../../drivers/os/local-socket/fair-turns.ts";

/** Takes so long of the event loop, ms. */
function work(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

describe("FairTurns", () => {
  it.each([
    { name: "many turns that take next to nothing", turns: 200, ms: 0.06, share: 0.1 },
    { name: "turns of nothing, each of which something was read for", turns: 100, ms: 0, least: 0.1, share: 0.05 },
    { name: "a few that take long", turns: 3, ms: 5, share: 0.1 },
  ])("holds the share for $name", async ({ turns: count, ms, least = ms, share }) => {
    const turns = new FairTurns(share);
    const begunMs = performance.now();
    for (let turn = 0; turn < count; turn++) await turns.take(() => work(ms));
    const tookMs = performance.now() - begunMs;
    // The rest after the last turn is not waited for here; a timer of libuv may come a fraction of a millisecond early.
    expect(tookMs).toBeGreaterThan((((count - 1) * least) / share) * 0.9);
  });

  it("gives turns in the order in which they are asked for, and what they give or throw", async () => {
    const turns = new FairTurns(1);
    const order: number[] = [];
    const asked = [1, 2, 3].map((n) => turns.take(() => order.push(n)));
    const failed = turns.take(() => {
      throw new Error("no");
    });
    await expect(failed).rejects.toThrow("no");
    expect(await Promise.all(asked)).toEqual([1, 2, 3]);
    expect(order).toEqual([1, 2, 3]);
  });
});
