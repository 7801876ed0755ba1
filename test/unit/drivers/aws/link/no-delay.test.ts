import { beforeEach, describe, expect, it } from "vitest";
import { NoDelay } from "../../../../../drivers/aws/link/no-delay.ts";
import { ManualClock } from "../../../../fakes/core/clock.ts";

const PORT = 8883;

let clock: ManualClock;
/** When a look was taken, ms since the start. */
let looksMs: number[];
let ports: Set<number>;
let isConnecting: boolean;
/** What a look finds; the connections of a process that cannot look are undefined. */
let found: number | undefined;
let noDelay: NoDelay;

beforeEach(() => {
  clock = new ManualClock({ monotonicMs: 0 });
  looksMs = [];
  ports = new Set();
  isConnecting = true;
  found = 0;
  noDelay = new NoDelay({
    setNoDelay: (port) => {
      ports.add(port);
      looksMs.push(clock.monotonicMs());
      return found;
    },
    port: PORT,
    isConnecting: () => isConnecting,
    clock,
  });
});

describe("NoDelay", () => {
  it("looks until it finds the socket of the attempt, long before an answer can be there", async () => {
    noDelay.watchAttempt();
    await clock.run(400);
    for (const [at, ms] of looksMs.entries()) {
      const beforeMs = looksMs[at - 1] ?? 0;
      expect(ms - beforeMs).toBeLessThanOrEqual(Math.max(1, beforeMs / 8) + 1);
    }
    expect([...ports]).toEqual([PORT]);
    found = 1;
    await clock.run(60);
    const looks = looksMs.length;
    expect(clock.waiting()).toBe(0);
    await clock.run(10_000);
    expect(looksMs).toHaveLength(looks);
  });

  it("takes few looks at an attempt that comes to nothing, and none after it", async () => {
    noDelay.watchAttempt();
    await clock.run(30_000);
    expect(looksMs.length).toBeLessThan(90);
    isConnecting = false;
    await clock.run(30_000);
    expect(clock.waiting()).toBe(0);
  });

  it("looks for the newest attempt alone", async () => {
    noDelay.watchAttempt();
    await clock.run(5);
    noDelay.watchAttempt();
    await clock.run(0);
    expect(clock.waiting()).toBe(1);
    noDelay.end();
    await clock.run(0);
    expect(clock.waiting()).toBe(0);
  });

  it("looks once more when the connection is there", async () => {
    noDelay.watchAttempt();
    noDelay.noteConnected();
    const looks = looksMs.length;
    await clock.run(1000);
    expect(looks).toBe(2);
    expect(looksMs).toHaveLength(2);
  });

  it("gives up at once where sockets cannot be found", async () => {
    found = undefined;
    noDelay.watchAttempt();
    await clock.run(1000);
    expect(looksMs).toHaveLength(1);
  });
});
