import { printable } from "../core/plain-text.ts";
import { formatDuration } from "../core/quantity.ts";
import type { Status } from "../local-api/status-schema.ts";
import type { Check } from "../local-api/support-schema.ts";
import { passed, warned } from "./check.ts";

type Bus = NonNullable<Status["diagnostics"]>["buses"][number];

const CHECK = "diagnostics";

/** Whether control units are asked, and why not; one check a bus. Nothing where there are no diagnostics. */
export function diagnosticsChecks({ diagnostics }: Status): readonly Check[] {
  return (diagnostics?.buses ?? []).map(checkOf);
}

function checkOf(bus: Bus): Check {
  const { withheld, backingOff, counts } = bus;
  if (withheld?.reason === "listen-only") {
    const remedy =
      "set listen-only off for the controller (ip link set ... type can listen-only off), or take transmit away";
    return warned(CHECK, printable(withheld.what), remedy);
  }
  if (withheld?.reason === "other-tester") {
    return warned(CHECK, printable(withheld.what), "unplug the other tester, or wait until it has done");
  }
  if (withheld !== undefined) return passed(CHECK, `bus ${bus.bus}: nothing is sent: ${printable(withheld.what)}`);
  if (backingOff.length > 0) {
    const units = backingOff.map(({ ecu, ms }) => `${printable(ecu)} (asked again in ${formatDuration(ms)})`);
    const what = `bus ${bus.bus}: no answer of ${units.join(", ")}`;
    return warned(CHECK, what, "is the ignition on? check the ids of the control units, and the condition of transmit");
  }
  return passed(CHECK, `bus ${bus.bus}: ${counts.requests} requests, ${counts.answers} answers`);
}
