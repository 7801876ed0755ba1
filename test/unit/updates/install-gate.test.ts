import { describe, expect, it } from "vitest";
import { createInstallGate } from "../../../agent/updates/install-gate.ts";
import { ManualClock } from "../../fakes/core/clock.ts";

function gateWith(window?: { readonly from: string; readonly to: string }, holdSeconds = 0) {
  const clock = new ManualClock();
  const vehicle = { isParked: true, hasAgreed: true };
  const check = () => (vehicle.isParked ? undefined : "speed < 0.5 is not true");
  const gate = createInstallGate({
    condition: { check },
    holdSeconds,
    window,
    hasConsent: () => vehicle.hasAgreed,
    clock,
  });
  const look = (): string => {
    const verdict = gate();
    return verdict.kind === "open" ? "open" : verdict.waitingFor;
  };
  return { clock, vehicle, look };
}

describe("createInstallGate", () => {
  it("opens once the condition has held without a break for the time", () => {
    const { clock, vehicle, look } = gateWith(undefined, 10);
    expect(look()).toBe("the vehicle's state to hold for 10 s");
    clock.advance(5000);
    expect(look()).toBe("the vehicle's state to hold for 5 s");
    clock.advance(4000);
    expect(look()).toBe("the vehicle's state to hold for 1 s");
    vehicle.isParked = false;
    expect(look()).toBe("the vehicle's state: speed < 0.5 is not true");
    vehicle.isParked = true;
    expect(look()).toBe("the vehicle's state to hold for 10 s");
    for (let seconds = 1; seconds < 10; seconds++) {
      clock.advance(1000);
      expect(look()).toContain("to hold for");
    }
    clock.advance(1000);
    expect(look()).toBe("open");
  });

  it("stays shut in a window while nobody knows what time it is, be it 1970 or ten years on", () => {
    for (const years of [-55, 10]) {
      const { clock, look } = gateWith({ from: "00:00", to: "23:59" });
      clock.stepWall(years * 365 * 86_400_000_000);
      clock.setQuality(years < 0 ? "unsynchronised" : "saved");
      expect(look()).toBe("the time, for the window 00:00 to 23:59 UTC");
      clock.setQuality("rtc");
      expect(look()).toBe("open");
      expect(gateWith().look()).toBe("open");
    }
  });

  it("begins the time anew after a pause in which nobody looked", () => {
    const { clock, look } = gateWith(undefined, 3);
    look();
    clock.advance(3000);
    expect(look()).toBe("open");
    clock.advance(3_600_000);
    expect(look()).toBe("the vehicle's state to hold for 3 s");
    clock.advance(3000);
    expect(look()).toBe("open");
  });

  it.each([
    // The clock of the test starts at 00:00 UTC.
    [{ from: "23:00", to: "01:00" }, 0, true],
    [{ from: "23:00", to: "01:00" }, 61, false],
    [{ from: "02:00", to: "04:00" }, 119, false],
    [{ from: "02:00", to: "04:00" }, 120, true],
    [{ from: "02:00", to: "04:00" }, 240, false],
  ] as const)("keeps to the window %o: %i minutes past midnight, open is %s", (window, minutes, isOpen) => {
    const { clock, look } = gateWith(window);
    clock.advance(minutes * 60_000);
    expect(look()).toBe(isOpen ? "open" : `the window ${window.from} to ${window.to} UTC`);
  });

  it("asks for consent last, when nothing else stands against it", () => {
    const { vehicle, look } = gateWith();
    vehicle.hasAgreed = false;
    expect(look()).toBe("consent: causeway ota consent");
    vehicle.isParked = false;
    expect(look()).toBe("the vehicle's state: speed < 0.5 is not true");
    vehicle.isParked = vehicle.hasAgreed = true;
    expect(look()).toBe("open");
  });
});
