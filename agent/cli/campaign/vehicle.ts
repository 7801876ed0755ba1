import { loadSignalTable } from "../../daemon/configuration/load-table.ts";
import { configInForce } from "../config-in-force.ts";
import type { CliContext } from "../context.ts";
import { type DbcOptions, openDatabases } from "../dbc-file.ts";
import { dbcVehicle } from "./dbc-vehicle.ts";
import type { SimulatedVehicle } from "./simulation.ts";

/** A vehicle by its DBC files, or the one of the configuration. */
export type VehicleOptions = Omit<DbcOptions, "dbc"> & {
  readonly dbc?: readonly string[];
  readonly bus?: readonly string[];
};

/** What documents are held against. */
export type NamedVehicle = SimulatedVehicle & {
  /** Undefined where it is not known. */
  readonly hardware: string | undefined;
  /** The buses by their interfaces, where these have other names. */
  readonly busOf: ReadonlyMap<string, string>;
};

/**
 * The vehicle that the options name; `found` are its buses where nothing says them. Throws `input.missing`, `dbc.invalid`, and `config.*` of
 * the configuration, which is read without --dbc.
 */
export async function vehicleOf(
  context: CliContext,
  { dbc, bus, ...options }: VehicleOptions,
  found: readonly string[],
): Promise<NamedVehicle> {
  if (dbc === undefined) return configVehicle(context);
  const databases = await openDatabases(context, { dbc, ...options });
  const own = databases.flatMap(({ interface: only }) => (only === undefined ? [] : [only]));
  const named = [...new Set([...own, ...found])];
  const buses = bus ?? (named.length > 0 ? named : ["can0"]);
  return { ...dbcVehicle(databases, buses), hardware: undefined, busOf: new Map() };
}

async function configVehicle(context: CliContext): Promise<NamedVehicle> {
  const loaded = await configInForce(context);
  const { table } = await loadSignalTable(loaded);
  const { config } = loaded;
  const busOf = config.buses.flatMap((bus): [string, string][] => {
    return bus.interface === undefined ? [] : [[bus.interface, bus.name]];
  });
  const busNames = config.buses.map(({ name }) => name);
  return { table, busNames, settings: config, hardware: config.ota?.hardware, busOf: new Map(busOf) };
}
