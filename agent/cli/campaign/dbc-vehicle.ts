import { agentConfig } from "../../../config/schema.ts";
import { idKey } from "../../ports/arbitration-id.ts";
import { createSignalTable } from "../../signals/build-table.ts";
import type { DbcMessage } from "../../signals/dbc/model.ts";
import type { TableSource } from "../../signals/table-source.ts";
import type { DecodedLog } from "../log-messages.ts";
import type { SimulatedVehicle } from "./simulation.ts";

/**
 * A vehicle with these buses and the default settings. A file that is given for no interface describes each bus; what is declared for a
 * bus itself goes before that. Throws `dbc.invalid` when two files declare the same id for the same bus.
 */
export function dbcVehicle(databases: readonly DecodedLog[], busNames: readonly string[]): SimulatedVehicle {
  const { collect, encode, campaigns } = agentConfig.shape;
  const settings = { collect: collect.parse({}), encode: encode.parse({}), campaigns: campaigns.parse({}) };
  return { table: createSignalTable(busNames.flatMap((bus) => sourcesOf(bus, databases))), busNames, settings };
}

function sourcesOf(bus: string, databases: readonly DecodedLog[]): readonly TableSource[] {
  const own = databases.filter((one) => one.interface === bus);
  const keyOf = ({ id, extended }: DbcMessage): string => idKey(id, extended).toString();
  const known = new Set(own.flatMap(({ database }) => database.messages.map(keyOf)));
  const forAll = databases.flatMap(({ file, database, interface: only }) => {
    if (only !== undefined) return [];
    const messages = database.messages.filter((message) => !known.has(keyOf(message)));
    return [{ bus, file, database: { ...database, messages } }];
  });
  return [...own.map(({ file, database }) => ({ bus, file, database })), ...forAll];
}
