import { describe, expect, it } from "vitest";
import type { ModemFacts } from "../../../../agent/ports/link-facts.ts";
import type { LinkChange } from "../../../../agent/telemetry/record/encode/link-change.ts";
import { LinkReporter } from "../../../../agent/vehicle/link/link-reporter.ts";
import type { LinkFacts } from "../../../../agent/vehicle/link/links.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { MODEM } from "../../../fakes/ports/modem.ts";

const WWAN: LinkFacts = { name: "wwan0", isMetered: true, cost: "high", modem: MODEM };

/** A reporter that has told the start half a minute ago. */
function rig() {
  const clock = new ManualClock();
  const told: LinkChange[] = [];
  const reporter = new LinkReporter({ tell: (change) => void told.push(change), clock });
  reporter.look(WWAN);
  clock.advance(30_000);
  const withModem = (change: Partial<ModemFacts>): LinkFacts => ({ ...WWAN, modem: { ...MODEM, ...change } });
  return { clock, told, reporter, withModem, reasons: () => told.map(({ reason }) => reason) };
}

describe("LinkReporter", () => {
  it("tells the start, with the modem", () => {
    const { told } = rig();
    expect(told).toMatchObject([
      { link: "wwan0", metered: true, reason: "start", untold: 0, modem: { state: "connected", signalPercent: 67 } },
    ]);
  });

  it("tells each kind of change once, and nothing of the signal alone", () => {
    const { clock, reporter, withModem, reasons } = rig();
    const changes = [
      withModem({ signalPercent: 12 }),
      withModem({ registration: "roaming", operator: "Other" }),
      withModem({ registration: "roaming", operator: "Other", state: "registered" }),
      { ...withModem({ registration: "roaming", state: "registered" }), isMetered: false },
      { name: "wlan0", isMetered: false, cost: "free", modem: undefined } as const,
    ];
    for (const change of changes) {
      reporter.look(change);
      reporter.look(change);
      clock.advance(30_000);
    }
    expect(reasons()).toEqual(["start", "roaming", "modem", "metered", "link"]);
  });

  it("tells of many changes the newest in half a minute, and how many it left out", () => {
    const { clock, told, reporter, withModem } = rig();
    for (let second = 0; second < 61; second++) {
      reporter.look(withModem({ technology: second % 2 === 0 ? "umts" : "gsm" }));
      clock.advance(1000);
    }
    expect(told.map(({ untold }) => untold)).toEqual([0, 0, 30]);
  });

  it("tells nothing where all is as it was told after a moment of another state", () => {
    const { clock, told, reporter, withModem } = rig();
    reporter.look(withModem({ technology: "umts" }));
    reporter.look(WWAN);
    reporter.look(withModem({ technology: "umts" }));
    clock.advance(60_000);
    expect(reporter.look(withModem({ technology: "umts" }))).toBe(false);
    expect(told).toHaveLength(2);
  });

  it("says nothing before there was a link", () => {
    const told: LinkChange[] = [];
    const reporter = new LinkReporter({ tell: (change) => void told.push(change), clock: new ManualClock() });
    expect(reporter.look(undefined)).toBe(false);
    expect(told).toEqual([]);
  });
});
