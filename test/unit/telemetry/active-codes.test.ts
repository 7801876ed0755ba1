import { describe, expect, it } from "vitest";
import { ActiveCodes } from "../../../agent/telemetry/active-codes.ts";
import { BARE, MISFIRE } from "../../fakes/telemetry/trouble-codes.ts";

describe("ActiveCodes", () => {
  it("has none until somebody knows them, and each name once", () => {
    const codes = new ActiveCodes();
    expect([codes.names(), codes.count(), codes.hasLamp()]).toEqual([[], 0, false]);
    codes.use(() => [MISFIRE, { ...MISFIRE, ecu: "gearbox" }, BARE]);
    expect([codes.names(), codes.count()]).toEqual([["P0301-1F", "SPN 100 FMI 1"], 3]);
    expect(codes.lastSeenUs()).toBe(MISFIRE.lastSeenUs);
  });

  it("says whether a lamp is on for one of them", () => {
    const codes = new ActiveCodes();
    codes.use(() => [{ ...BARE, lamps: { malfunction: "off", protect: "on" } }]);
    expect(codes.hasLamp()).toBe(false);
    codes.use(() => [BARE, { ...BARE, lamps: { warning: "slow-flash" } }]);
    expect(codes.hasLamp()).toBe(true);
  });
});
