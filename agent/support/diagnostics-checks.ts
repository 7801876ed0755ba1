import { AgentError } from "../core/errors.ts";
import { printable } from "../core/plain-text.ts";
import { formatCounted, formatDuration } from "../core/quantity.ts";
import type { Status } from "../local-api/status-schema.ts";
import type { Check } from "../local-api/support-schema.ts";
import { failed, outcomeOf, passed, problemOf, warned } from "./check.ts";

type Bus = NonNullable<Status["diagnostics"]>["buses"][number];

type Node = NonNullable<NonNullable<Status["diagnostics"]>["j1939"]>[number];

const CHECK = "diagnostics";

/** What can be looked at without the agent. */
export type EcuChecksParts = {
  /** The control units that the configuration takes from its catalogue, with the programs that work out their keys; rejects with what is wrong in it. */
  readonly readEcus: () => Promise<readonly { readonly name: string; readonly programs: readonly string[] }[]>;
  /** Whether this user may run a program. */
  readonly mayRun: (program: string) => Promise<boolean>;
};

/** The catalogue of control units, and the programs of its security. Nothing where no control unit is taken from one. */
export async function checkEcus({ readEcus, mayRun }: EcuChecksParts): Promise<readonly Check[]> {
  const ecus = await outcomeOf(readEcus);
  if (ecus instanceof AgentError) return [failed("ecus", problemOf(ecus))];
  if (ecus.length === 0) return [];
  const checks: Check[] = [];
  for (const { name, programs } of ecus) {
    for (const program of new Set(programs)) {
      if (await mayRun(program)) continue;
      const what = `${name}: ${program}, which works out keys of its security, cannot be run`;
      checks.push(failed("ecus", { what, remedy: "put it there, executable for the user that runs causeway" }));
    }
  }
  return checks.length > 0 ? checks : [passed("ecus", `${ecus.length} control units of the catalogue`)];
}

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
  return passed(
    CHECK,
    `bus ${bus.bus}: ${formatCounted(counts.requests, "request")}, ${formatCounted(counts.answers, "answer")}`,
  );
}
