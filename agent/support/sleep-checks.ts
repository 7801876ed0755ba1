import { printable } from "../core/plain-text.ts";
import { formatCounted } from "../core/quantity.ts";
import type { Status } from "../local-api/status-schema.ts";
import type { Check } from "../local-api/support-schema.ts";
import { passed, warned } from "./check.ts";

const CHECK = "sleep";

/** Whether the vehicle can sleep with the agent in it. Nothing where it does not sleep. */
export function sleepChecks({ sleep }: Pick<Status, "sleep">): readonly Check[] {
  if (sleep === undefined) return [];
  const { phase, fault, wakes, level, cannotWake = [] } = sleep;
  const { unplanned, most } = wakes;
  const checks = [
    ...(fault === undefined ? [] : [warned(CHECK, printable(fault.what), printable(fault.remedy))]),
    ...(most === undefined || unplanned <= most
      ? []
      : [warned(CHECK, `${formatCounted(unplanned, "wake")} today, more than power.wake.wakesPerDay: ${most}`, WHO)]),
    ...cannotWake.map((bus) =>
      warned(CHECK, `${printable(bus)} cannot wake the system: its power/wakeup is disabled`, ALLOW),
    ),
    ...(level === "normal" ? [] : [warned(CHECK, `the battery guard is at ${level}`, "charge the battery, or drive")]),
  ];
  return checks.length > 0 ? checks : [passed(CHECK, phase)];
}

const ALLOW = "write enabled to its device/power/wakeup in /sys/class/net, by a udev rule";
const WHO = "see who wakes it, by cause: causeway status --json";
