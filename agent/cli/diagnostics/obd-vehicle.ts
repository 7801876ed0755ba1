import { EXIT } from "../../core/errors.ts";
import type { ObdClient } from "../../diagnostics/obd/obd-client.ts";
import { INFO_TYPES, type VehicleInfo } from "../../diagnostics/obd/vehicle-info.ts";
import { type CliContext, note, printJson, printLine } from "../context.ts";
import { alignColumns } from "../text.ts";
import { outcomeFault } from "./obd-outcome.ts";
import type { ObdSession } from "./obd-session.ts";

type Row = { readonly ecu: string; readonly what: string; readonly value: string };

/** Prints VIN, name, calibrations and in-use ratios of the ECUs; ends with "nothing to do" where none tells any. */
export async function showVehicle(context: CliContext, { bus, clients, signal }: ObdSession): Promise<void> {
  const told: { readonly ecu: string; readonly info: readonly VehicleInfo[] }[] = [];
  for (const client of clients) told.push({ ecu: client.ecu.name, info: await readInfo(client, signal) });
  if (context.options().json) printJson(context, { schemaVersion: 1, bus, ecus: told });
  const rows = told.flatMap(({ ecu, info }) => info.flatMap((one) => rowsOf(ecu, one)));
  if (!context.options().json && rows.length > 0) {
    const cells = rows.map(({ ecu, what, value }) => [ecu, what, value]);
    for (const line of alignColumns([["ECU", "WHAT", "VALUE"], ...cells])) printLine(context, line);
  }
  if (rows.length > 0) return;
  note(context, `no control unit on ${bus} has vehicle information`);
  context.finish(EXIT.nothingToDo);
}

async function readInfo(client: ObdClient, signal: AbortSignal): Promise<readonly VehicleInfo[]> {
  const types = await client.infoTypes(signal);
  if (types.kind === "negative" || types.kind === "silent") return [];
  if (types.kind !== "done") throw outcomeFault(types, client.ecu, "vehicle information");
  const info: VehicleInfo[] = [];
  for (const type of Object.values(INFO_TYPES).filter((one) => types.value.includes(one))) {
    const outcome = await client.vehicleInfo(type, signal);
    if (outcome.kind === "done") info.push(outcome.value);
    else if (outcome.kind === "withheld") throw outcomeFault(outcome, client.ecu, "vehicle information");
  }
  return info;
}

function rowsOf(ecu: string, info: VehicleInfo): readonly Row[] {
  switch (info.kind) {
    case "vin":
      return [{ ecu, what: "VIN", value: info.vin }];
    case "name":
      return [{ ecu, what: "name", value: info.name }];
    case "calibration-ids":
      return info.ids.map((value) => ({ ecu, what: "calibration", value }));
    case "verification-numbers":
      return info.numbers.map((value) => ({ ecu, what: "verification number", value }));
    case "ratios":
      return info.counts.map(({ name, count }) => ({ ecu, what: name, value: `${count}` }));
    case "supported":
      return [];
  }
}
