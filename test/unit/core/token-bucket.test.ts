import { describe, expect, it } from "vitest";
import { TokenBucket } from "../../../agent/core/token-bucket.ts";

/** A bucket and the clock that it looks at; times in ms. */
function bucketOf(capacity: number, fillMs: number) {
  const clock = { nowMs: 5000 };
  return { clock, bucket: new TokenBucket(capacity, fillMs, () => clock.nowMs) };
}

function takeWhileThere(bucket: TokenBucket): number {
  let taken = 0;
  for (; bucket.hasToken(); taken += 1) bucket.take();
  return taken;
}

describe("TokenBucket", () => {
  it("is full at first, and then empty", () => {
    const { bucket } = bucketOf(3, 60_000);
    expect(takeWhileThere(bucket)).toBe(3);
    expect(bucket.hasToken()).toBe(false);
  });

  it("does not use a token up by looking at it", () => {
    const { bucket } = bucketOf(1, 60_000);
    expect([bucket.hasToken(), bucket.hasToken()]).toEqual([true, true]);
  });

  it("fills evenly, a token when its share of the time is over and none before", () => {
    const { clock, bucket } = bucketOf(3, 60_000);
    takeWhileThere(bucket);
    clock.nowMs += 19_999;
    expect(bucket.hasToken()).toBe(false);
    clock.nowMs += 1;
    expect(takeWhileThere(bucket)).toBe(1);
  });

  it("fills the same however often it is looked at", () => {
    const { clock, bucket } = bucketOf(4, 1000);
    takeWhileThere(bucket);
    for (let look = 0; look < 4; look += 1) {
      clock.nowMs += 125;
      bucket.hasToken();
    }
    expect(takeWhileThere(bucket)).toBe(2);
  });

  it("holds no more than its capacity after a long pause", () => {
    const { clock, bucket } = bucketOf(3, 60_000);
    clock.nowMs += 86_400_000;
    expect(takeWhileThere(bucket)).toBe(3);
  });

  it("says for how long it owes a token that it gave on credit", () => {
    const { clock, bucket } = bucketOf(4, 1000);
    expect([bucket.take(), bucket.take(), bucket.take(), bucket.take()]).toEqual([0, 0, 0, 0]);
    expect([bucket.take(), bucket.take()]).toEqual([250, 500]);
    clock.nowMs += 500;
    expect(bucket.hasToken()).toBe(false);
    expect(bucket.take()).toBe(250);
  });
});
