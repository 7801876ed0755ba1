import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { trafficBetween } from "../../../../agent/metrics/defender/traffic.ts";

const SEED = 1809;
const counts = (name: string, bytesIn: number, more: object = {}) => {
  return { name, bytesIn, packetsIn: 1, bytesOut: 2, packetsOut: 3, ...more };
};

describe("trafficBetween", () => {
  it("is not known the first time, nor of an interface that is new", () => {
    expect(trafficBetween([], [counts("eth0", 100)])).toBeUndefined();
    expect(trafficBetween([counts("eth0", 0)], [counts("wwan0", 100)])).toBeUndefined();
    expect(trafficBetween([counts("eth0", 0)], [counts("wwan0", 100), counts("eth0", 7)])?.bytes_in).toBe(7);
  });

  it("leaves out an interface of which any counter went back", () => {
    const before = [counts("eth0", 4_294_967_290), counts("wwan0", 50), counts("wlan0", 9)];
    const now = [counts("eth0", 5), counts("wwan0", 60), counts("wlan0", 10, { packetsOut: 2 })];
    expect(trafficBetween(before, now)).toEqual({ bytes_in: 10, bytes_out: 0, packets_in: 0, packets_out: 0 });
  });

  it("adds up to what went over an interface, however often somebody looks, but for the looks in which it was made anew", () => {
    const steps = fc.array(fc.record({ bytes: fc.nat(10_000), isRenewed: fc.boolean() }), { maxLength: 60 });
    const property = fc.property(steps, (all) => {
      let before = counts("eth0", 0);
      let known = 0;
      let told = 0;
      for (const { bytes, isRenewed } of all) {
        const bytesIn = isRenewed ? bytes : before.bytesIn + bytes;
        const now = counts("eth0", bytesIn);
        // A counter that is made anew and has passed the old one by now is taken for one that went on.
        if (bytesIn >= before.bytesIn) known += bytesIn - before.bytesIn;
        told += trafficBetween([before], [now])?.bytes_in ?? 0;
        before = now;
      }
      expect(told).toBe(known);
    });
    fc.assert(property, { seed: SEED });
  });
});
