import { describe, expect, it } from "vitest";
import type { BusTraffic } from "../../../agent/ports/can-bus.ts";
import { BusLoad, extendedShareOf } from "../../../agent/telemetry/bus-load.ts";
import { ManualClock } from "../../fakes/core/clock.ts";

function loaded(bitrate: number, extendedShare: number) {
  const clock = new ManualClock();
  const counted: { now: BusTraffic | undefined } = { now: { frames: 0, bytes: 0 } };
  const load = new BusLoad({ bitrate, extendedShare, traffic: () => counted.now, clock });
  return { clock, counted, load };
}

describe("the load of a bus", () => {
  // Longest frames by table 1 of Davis et al. (2007), which canbusload of can-utils prints without -i and -e: 1 byte, 8 bytes.
  it.each([
    [0, 1, 65],
    [0, 8, 135],
    [1, 1, 90],
    [1, 8, 160],
  ])("takes each frame for its longest (part of 29-bit ids %d, %d bytes: %d bits)", (extendedShare, bytes, bits) => {
    const { counted, load } = loaded(500_000, extendedShare);
    counted.now = { frames: 1000, bytes: 1000 * bytes };
    expect(load.read()?.busyMs).toBe((bits * 1000) / 500);
  });

  it("is of the time since a look at least ten seconds ago", () => {
    const { clock, counted, load } = loaded(125_000, 0);
    expect(load.read()).toEqual({ busyMs: 0, load: undefined });
    clock.advance(10_000);
    // 135 bits each: 5.4 s of 10 s.
    counted.now = { frames: 5000, bytes: 40_000 };
    expect(load.read()).toEqual({ busyMs: 5400, load: 0.54 });
    clock.advance(9999);
    counted.now = { frames: 6000, bytes: 48_000 };
    expect(load.read()?.load).toBe(0.54);
    clock.advance(10_001);
    expect(load.read()?.load).toBeCloseTo(0.054, 9);
  });

  it("takes ids to be as long as those of the messages of the bus", () => {
    const message = (bus: string, extended: boolean) => ({ bus, extended });
    const messages = [message("can0", true), message("can0", true), message("can0", false), message("can1", false)];
    expect(["can0", "can1", "can2"].map((bus) => extendedShareOf(messages, bus))).toEqual([2 / 3, 0, 0]);
  });

  it("is not known where the traffic is not", () => {
    const { counted, load } = loaded(125_000, 0);
    counted.now = undefined;
    expect(load.read()).toBeUndefined();
  });
});
