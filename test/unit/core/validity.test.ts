import { describe, expect, it } from "vitest";
import type { ClockQuality } from "../../../agent/core/clock.ts";
import { leftUntil, validityFault } from "../../../agent/core/validity.ts";
import { ManualClock } from "../../fakes/core/clock.ts";

const LIFE = { notBefore: "2026-11-01T00:00:00.000Z", notAfter: "2027-11-01T00:00:00.000Z" };

function clockAt(now: string, quality: ClockQuality): ManualClock {
  return new ManualClock({ wallUs: Date.parse(now) * 1000, quality });
}

describe("validityFault", () => {
  it.each([
    ["2026-10-31T23:59:59Z", "ntp", "identity.certificate-not-yet-valid"],
    ["1970-01-01T00:00:10Z", "unsynchronised", "identity.clock-unset"],
    ["2026-11-01T00:00:00Z", "ntp", undefined],
    ["2027-10-31T23:59:59Z", "unsynchronised", undefined],
    ["2027-11-01T00:00:01Z", "ntp", "identity.certificate-expired"],
    ["2027-11-01T00:00:01Z", "unsynchronised", "identity.certificate-expired"],
  ] as const)("at %s with a clock of quality %s: %s", (now, quality, code) => {
    expect(validityFault("the certificate", LIFE, clockAt(now, quality))?.code).toBe(code);
  });

  it("names the certificate, its bound and the time of this machine", () => {
    const fault = validityFault("/etc/device.pem", LIFE, clockAt("2027-12-24T00:00:00Z", "ntp"));
    expect(fault?.message).toBe(
      "/etc/device.pem expired on 2027-11-01T00:00:00.000Z; this machine's clock says 2027-12-24T00:00:00.000Z",
    );
  });
});

describe("leftUntil", () => {
  it.each([
    ["2027-10-31T00:00:00Z", "ntp", "1 d 0 h"],
    ["2027-10-31T00:00:00Z", "saved", "at most 1 d 0 h"],
    ["1970-01-01T00:00:10Z", "unsynchronised", "unknown, since nothing has set the clock"],
    ["2027-11-02T00:00:00Z", "saved", "nothing"],
  ] as const)("at %s with a clock of quality %s: %s", (now, quality, left) => {
    expect(leftUntil(LIFE.notAfter, clockAt(now, quality))).toBe(left);
  });
});
