import { describe, expect, it } from "vitest";
import type { Rtc } from "../../../agent/ports/clock-keepers.ts";
import { clockChecks } from "../../../agent/support/clock-checks.ts";
import type { ClockFacts } from "../../../agent/vehicle/time/clock-facts.ts";
import { readingOf } from "../../fakes/vehicle/clock-keepers.ts";

const RTC: Rtc = { name: "rtc0", hasSetClock: true, wallMs: () => Date.UTC(2026, 5, 1) };
const BY_GPS: ClockFacts = { quality: "gps", source: "gps", errorMs: 0.31, detail: "chrony: reference clock GPS" };
const UNSET: ClockFacts = { quality: "unsynchronised", source: "none", errorMs: undefined, detail: "" };

function checksOf(change: Partial<Parameters<typeof clockChecks>[0]> = {}) {
  return clockChecks({
    facts: BY_GPS,
    readings: [readingOf()],
    rtcs: [RTC],
    zone: "Europe/Berlin (UTC+01:00)",
    ...change,
  });
}

describe("clockChecks", () => {
  it("says who keeps the clock, how well, and in which zone people see it", () => {
    expect(checksOf().map(({ verdict, what }) => [verdict, what])).toEqual([
      [
        "pass",
        "gps keeps the clock, error 0.31 ms (chrony: reference clock GPS); people see it in Europe/Berlin (UTC+01:00), records go by UTC",
      ],
      ["pass", "rtc0 has set the clock at the boot"],
    ]);
  });

  it("says what to start where nobody keeps it", () => {
    const [time] = checksOf({ facts: UNSET, readings: [] });
    expect(time).toMatchObject({
      verdict: "warn",
      remedy: "systemctl enable --now systemd-timesyncd, or install chrony",
    });
    expect(time?.what).toMatch(/^nobody keeps the clock: .*; no time can be taken from it; /);
  });

  it.each([
    ["chrony", "chronyc sources"],
    ["timesyncd", "timedatectl timesync-status"],
    ["ntp", "ntpq -p"],
    ["ptp", "journalctl -u ptp4l"],
  ] as const)("says where to look when %s runs and has no time", (keeper, look) => {
    const facts = { ...UNSET, quality: "rtc", source: "rtc", detail: `${keeper}: no server yet` } as const;
    const [time] = checksOf({ facts, readings: [readingOf({ keeper, state: "searching" })] });
    expect(time?.verdict).toBe("warn");
    expect(time?.what).toContain(
      `${keeper} runs and does not keep the clock (${keeper}: no server yet); it goes by what set it before`,
    );
    expect(time?.remedy).toContain(look);
  });

  it("finds an RTC whose battery is empty, one that cannot be read, and none at all", () => {
    const flat = checksOf({ rtcs: [{ ...RTC, wallMs: () => 10_000 }] })[1];
    expect(flat).toMatchObject({ verdict: "warn" });
    expect(flat?.what).toBe("rtc0 says 1970-01-01T00:00:10.000Z: its battery is empty, or nobody has ever set it");
    expect(checksOf({ rtcs: [{ ...RTC, wallMs: () => undefined }] })[1]).toMatchObject({ verdict: "warn" });
    expect(checksOf({ rtcs: [{ ...RTC, hasSetClock: false }] })[1]).toMatchObject({ verdict: "pass" });
    expect(checksOf({ rtcs: [] })[1]?.what).toContain("there is no battery-backed clock");
  });
});
