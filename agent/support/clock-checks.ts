import { EARLIEST_SET_MS, isBelievable } from "../core/clock.ts";
import { printable } from "../core/plain-text.ts";
import { formatError } from "../core/quantity.ts";
import type { Check } from "../local-api/support-schema.ts";
import type { KeeperName, KeeperReading, Rtc } from "../ports/clock-keepers.ts";
import type { ClockFacts } from "../vehicle/time/clock-facts.ts";
import { passed, warned } from "./check.ts";

/** What sets a clock that nothing has set. */
export const SET_CLOCK = "let a time service (systemd-timesyncd, chrony) or a battery-backed clock set it";

const [TIME, RTC] = ["time", "rtc"] as const;

/** How a person sees why a program has no time, or does not answer. */
const LOOK: Readonly<Record<KeeperName, string>> = {
  chrony: "chronyc sources says which servers answer; journalctl -u chrony",
  timesyncd: "timedatectl timesync-status says which server it asks; journalctl -u systemd-timesyncd",
  ntp: "ntpq -p says which servers answer; journalctl -u ntpsec",
  ptp: "journalctl -u ptp4l -u phc2sys",
};

/** What the clock of this machine is told by. */
export type ClockChecksParts = {
  readonly facts: ClockFacts;
  readonly readings: readonly KeeperReading[];
  readonly rtcs: readonly Rtc[];
  /** Name of the time zone of who asks, and the difference to UTC: "Europe/Berlin, UTC+01:00". */
  readonly zone: string;
};

/** Who sets the clock, and how well; and whether there is a battery-backed one. */
export function clockChecks({ facts, readings, rtcs, zone }: ClockChecksParts): readonly Check[] {
  return [checkKeeper(facts, readings, zone), ...checkRtcs(rtcs)];
}

function checkKeeper(facts: ClockFacts, readings: readonly KeeperReading[], zone: string): Check {
  const { quality, source, errorMs } = facts;
  const detail = facts.detail === "" ? "" : ` (${printable(facts.detail)})`;
  const zoned = `people see it in ${printable(zone)}, records go by UTC`;
  if (quality === "ntp" || quality === "gps") {
    const who = source === "unknown" ? "a program that is not known here keeps the clock" : `${source} keeps the clock`;
    return passed(TIME, `${who}, error ${formatError(errorMs)}${detail}; ${zoned}`);
  }
  const worth = isBelievable(quality) ? "it goes by what set it before" : "no time can be taken from it";
  const [first] = readings;
  if (first === undefined) {
    const what = `nobody keeps the clock: neither chronyd, systemd-timesyncd, ntpd nor ptp4l runs; ${worth}; ${zoned}`;
    return warned(TIME, what, "systemctl enable --now systemd-timesyncd, or install chrony");
  }
  const what = `${first.keeper} runs and does not keep the clock${detail}; ${worth}; ${zoned}`;
  return warned(TIME, what, LOOK[first.keeper]);
}

function checkRtcs(rtcs: readonly Rtc[]): readonly Check[] {
  if (rtcs.length === 0)
    return [
      passed(RTC, "there is no battery-backed clock: after each boot the time is one of before until somebody sets it"),
    ];
  return rtcs.map((rtc) => {
    const { name, hasSetClock } = rtc;
    const rtcMs = rtc.wallMs();
    if (rtcMs === undefined) return warned(RTC, `${name} cannot be read`, "look at the kernel's log: journalctl -k");
    if (rtcMs < EARLIEST_SET_MS) {
      const says = new Date(rtcMs).toISOString();
      const remedy =
        "change the battery; a time service sets the clock anew once it has the time (hwclock --systohc does it by hand)";
      return warned(RTC, `${name} says ${says}: its battery is empty, or nobody has ever set it`, remedy);
    }
    return passed(RTC, `${name} ${hasSetClock ? "has set" : "is there, and has not set"} the clock at the boot`);
  });
}
