import type { Command } from "commander";
import type { Ecu } from "../../../config/ecu.ts";
import { type CliContext, printJson, printLine } from "../context.ts";
import { type ListedEcu, listEcus, type UdsOptions, withUdsOptions } from "../diagnostics/uds-target.ts";
import { alignColumns } from "../text.ts";

const HEAD = ["ECU", "BUS", "REQUEST", "ANSWER", "DIDS", "ROUTINES", "SUMMARY"];

/** `causeway uds ecus`. */
export function registerUdsEcus(uds: Command, context: CliContext): void {
  const command = uds.command("ecus").description("control units of the catalogue, and where they are; asks nobody");
  command.addHelpText("after", "\nExample:\n  causeway uds ecus --catalogue /etc/causeway/ecus.yaml");
  withUdsOptions(command).action(async (options: UdsOptions) => {
    const listed = await listEcus(context, options);
    if (context.options().json) printJson(context, { schemaVersion: 1, ecus: listed.map(jsonOf) });
    else for (const line of alignColumns([HEAD, ...listed.map(rowOf)])) printLine(context, line);
  });
}

function rowOf({ ecu, bus }: ListedEcu): readonly string[] {
  const { name, request, response, requestByte, responseByte, dids, routines, summary } = ecu;
  return [
    name,
    bus ?? "-",
    addressText(ecu, request, requestByte),
    addressText(ecu, response, responseByte),
    String(dids.length),
    String(routines.length),
    summary,
  ];
}

function addressText({ idBits, fd }: Ecu, id: number, byte: number | undefined): string {
  const text = id.toString(16).padStart(idBits === 29 ? 8 : 3, "0");
  return `${text}${byte === undefined ? "" : `/${byte.toString(16).padStart(2, "0")}`}${fd ? " fd" : ""}`;
}

function jsonOf({ ecu, bus }: ListedEcu) {
  const { name, summary, idBits, request, response, requestByte, responseByte, fd, dids, routines } = ecu;
  return {
    name,
    summary,
    bus: bus ?? null,
    idBits,
    request,
    response,
    requestByte,
    responseByte,
    fd,
    dids: dids.map(({ id, name: did, length, readable }) => ({ id, name: did, length, readable })),
    routines: routines.map(({ id, name: routine, class: group }) => ({ id, name: routine, class: group })),
  };
}
