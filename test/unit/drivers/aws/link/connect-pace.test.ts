import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { ConnectPace } from "../../../../../drivers/aws/link/connect-pace.ts";
import { ManualClock } from "../../../../fakes/core/clock.ts";
import { temporaryFolder } from "../../../../fakes/core/folder.ts";
import { MemoryLog } from "../../../../fakes/core/log.ts";

describe("ConnectPace", () => {
  let clock: ManualClock;

  beforeEach(() => {
    clock = new ManualClock({ monotonicMs: 500_000 });
  });

  const pace = (random = 0, file?: string): ConnectPace =>
    new ConnectPace({
      bounds: { minMs: 1000, maxMs: 8000 },
      gapMs: 1050,
      clock,
      log: new MemoryLog(),
      random: () => random,
      file,
    });

  it("lets the first attempt begin at once, and every other one a gap after the last CONNECT at the soonest", () => {
    const lucky = pace();
    expect(lucky.soonestMs()).toBe(0);
    for (let failure = 0; failure < 5; failure++) {
      lucky.noteConnect();
      expect(lucky.nextMs()).toBe(1050);
      clock.advance(500);
      expect(lucky.soonestMs()).toBe(550);
    }
  });

  it("waits longer after each failure, up to its bound, until a connection has lasted", () => {
    const unlucky = pace(0.999);
    const waits = Array.from({ length: 5 }, () => Math.round(unlucky.nextMs() / 100) * 100);
    expect(waits).toEqual([1000, 2000, 4000, 8000, 8000]);
    unlucky.noteEnd(29_000);
    expect(unlucky.nextMs()).toBeGreaterThan(7000);
    unlucky.noteEnd(30_000);
    expect(unlucky.nextMs()).toBeLessThan(1000);
    expect(unlucky.nextMs(5000)).toBeGreaterThan(6000);
  });

  it("tries again at the least distance for a while after a wake, and then begins its delays anew", () => {
    const unlucky = pace(0.999);
    for (let failure = 0; failure < 5; failure++) unlucky.nextMs();
    unlucky.beginEagerly();
    for (let failure = 0; failure < 5; failure++) {
      unlucky.noteConnect();
      expect(unlucky.nextMs()).toBe(1050);
      expect(unlucky.afterFaultMs("identity.tpm-timeout")).toBe(1050);
      clock.advance(5000);
    }
    expect(unlucky.isEager).toBe(true);
    clock.advance(5000);
    expect(unlucky.isEager).toBe(false);
    expect([unlucky.nextMs(), unlucky.nextMs()].map(Math.round)).toEqual([999, 1998]);
  });

  it("waits by what the fault says: five minutes for a person, not at all in vain, longer where our own identity is at fault", () => {
    const lucky = pace();
    expect(lucky.afterFaultMs("broker.unfit")).toBe(300_000);
    expect(lucky.afterFaultMs("identity.pin-wrong")).toBeUndefined();
    expect(lucky.afterFaultMs("broker.unreachable")).toBe(0);
    expect(lucky.afterFaultMs("identity.tpm-timeout")).toBe(1000);
  });

  it("keeps the gap over the end of a process, and knows a time of another boot for one", () => {
    const file = join(temporaryFolder(), "connect.json");
    pace(0, file).noteConnect();
    clock.advance(300);
    expect(pace(0, file).soonestMs()).toBe(750);
    clock = new ManualClock({ monotonicMs: 1000 });
    expect(pace(0, file).soonestMs()).toBe(0);
    writeFileSync(file, "{");
    expect(pace(0, file).soonestMs()).toBe(0);
  });
});
