import { printable } from "../core/plain-text.ts";
import { formatDuration } from "../core/quantity.ts";
import type { Status } from "../local-api/status-schema.ts";
import type { Check } from "../local-api/support-schema.ts";
import { passed, warned } from "./check.ts";

type Bus = NonNullable<Status["diagnostics"]>["buses"][number];

type Node = NonNullable<NonNullable<Status["diagnostics"]>["j1939"]>[number];

const CHECK = "diagnostics";

/** Whether control units are asked, and why not; one check a bus. Nothing where there are no diagnostics. */
export function diagnosticsChecks({ diagnostics }: Status): readonly Check[] {
  const { buses = [], j1939 = [] } = diagnostics ?? {};
  return [...buses.map(checkOf), ...j1939.flatMap(addressChecks)];
}

function addressChecks({ bus, state }: Node): readonly Check[] {
  if (state !== "cannot-claim") return [];
  const what = `bus ${bus}: another node of J1939 has the address of this agent: nothing is asked there`;
  return [
    warned(CHECK, what, "set another address, or arbitraryAddress, in j1939 of the bus, and start the agent again"),
  ];
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
