import { addressText, requestIdOf } from "../../diagnostics/obd/ecu.ts";
import { hexByte } from "../../diagnostics/obd/malformed.ts";
import { pidOf } from "../../diagnostics/obd/pid-table.ts";
import { type EcuSupport, readSupport } from "../../diagnostics/obd/scan.ts";
import { type CliContext, note, printJson, printLine } from "../context.ts";
import { alignColumns } from "../text.ts";
import { outcomeFault } from "./obd-outcome.ts";
import type { ObdSession } from "./obd-session.ts";

type Scanned = {
  readonly name: string;
  readonly response: string;
  readonly request: string;
  readonly support: EcuSupport;
};

/** Prints which ECUs answer and what they have. One that answers nothing more is told and left out; throws its fault where it is the only one. */
export async function showScan(context: CliContext, { bus, clients, signal }: ObdSession): Promise<void> {
  const scanned: Scanned[] = [];
  for (const client of clients) {
    const { ecu } = client;
    const outcome = await readSupport(client, signal);
    if (outcome.kind === "done") {
      const request = `0x${requestIdOf(ecu).toString(16)}`;
      scanned.push({ name: ecu.name, response: addressText(ecu), request, support: outcome.value });
      continue;
    }
    const fault = outcomeFault(outcome, ecu, "the parameters that it has");
    if (clients.length === 1) throw fault;
    note(context, fault.message);
  }
  if (context.options().json) {
    printJson(context, { schemaVersion: 1, bus, ecus: scanned.map(scannedJson) });
    return;
  }
  const rows = scanned.map(({ name, response, request, support: { pids, infoTypes, packs } }) => {
    return [name, request, response, `${pids.length}`, infoTypes.map(hexByte).join(" ") || "-", packs ? "yes" : "no"];
  });
  for (const line of alignColumns([["ECU", "REQUEST", "RESPONSE", "PIDS", "VEHICLE INFO", "SEVERAL"], ...rows])) {
    printLine(context, line);
  }
  for (const { name, support } of scanned) {
    printLine(context, `\n${name}`);
    for (const pid of support.pids)
      printLine(context, `  ${hexByte(pid)}  ${namesOf(pid).join(" ") || "(not in the table)"}`);
  }
}

function scannedJson({ name, response, request, support: { pids, infoTypes, packs } }: Scanned) {
  return {
    name,
    request,
    response,
    pids: pids.map((pid) => ({ pid: hexByte(pid), names: namesOf(pid) })),
    vehicleInfo: infoTypes.map(hexByte),
    takesSeveral: packs,
  };
}

function namesOf(pid: number): readonly string[] {
  return pidOf(pid)?.signals.map(({ name }) => name) ?? [];
}
