import type { Ecu, EcuDid } from "../../../config/ecu.ts";
import { sharedAddresses } from "../../../config/ecu-problems.ts";
import { ecuCatalogue } from "../../../config/ecus.ts";
import { type LoadedConfig, type LoadedYaml, loadYamlFile } from "../../../config/load.ts";
import { AgentError } from "../../core/errors.ts";
import { nearestWord } from "../../core/nearest-word.ts";
import { udsTable } from "../../diagnostics/uds/uds-table.ts";
import type { TableSource } from "../../signals/table-source.ts";

type Place = readonly (string | number)[];
type BusUds = NonNullable<NonNullable<LoadedConfig["config"]["diagnostics"]>["buses"][number]["uds"]>;
type Catalogue = LoadedYaml<{ readonly ecus: readonly Ecu[] }>;

/** Data identifiers that are read every so often. */
type DidRule = { readonly dids: readonly EcuDid[]; readonly everyMs: number };

/** An ECU of a bus, and what is read of it. */
export type BusEcu = {
  readonly bus: string;
  readonly ecu: Ecu;
  readonly rules: readonly DidRule[];
  readonly settings: BusUds;
};

/**
 * The ECUs that the configuration names for UDS, in its order, as the catalogue describes them. None without such a section. Throws
 * `config.invalid` with the place of a name that the catalogue does not have, and of ECUs that share an address.
 */
export async function loadBusEcus(loaded: LoadedConfig): Promise<readonly BusEcu[]> {
  const { diagnostics } = loaded.config;
  const buses = (diagnostics?.buses ?? []).flatMap(({ bus, uds }, at) =>
    uds === undefined ? [] : [{ bus, uds, place: ["diagnostics", "buses", at, "uds"] }],
  );
  const catalogueFile = diagnostics?.catalogueFile;
  // Where a bus has such a section the schema wants a catalogue.
  if (catalogueFile === undefined || buses.length === 0) return [];
  const catalogue = await loadYamlFile(catalogueFile, ecuCatalogue);
  rejectShared(
    catalogue,
    buses.map(({ uds }) => uds.ecus),
  );
  return buses.flatMap((one) => ecusOfBus(loaded, catalogue, one));
}

/** The signals of the data identifiers that are read, a source a bus. `file` is where the ECUs are described. */
export function udsSources(ecus: readonly BusEcu[], file: string): readonly TableSource[] {
  return [...Map.groupBy(ecus, ({ bus }) => bus)].map(([bus, own]) => {
    const polled = own.map(({ ecu, rules }) => ({ ecu, dids: [...new Set(rules.flatMap(({ dids }) => dids))] }));
    return udsTable(bus, polled, file);
  });
}

function ecusOfBus(
  loaded: LoadedConfig,
  catalogue: Catalogue,
  { bus, uds, place }: { readonly bus: string; readonly uds: BusUds; readonly place: Place },
): readonly BusEcu[] {
  const names = catalogue.value.ecus.map(({ name }) => name);
  const ecus = uds.ecus.map((name, at) => {
    const ecu = catalogue.value.ecus.find((one) => one.name === name);
    if (ecu === undefined)
      throw unknown(loaded, [...place, "ecus", at], `${name} is not in the catalogue`, name, names);
    return ecu;
  });
  const rules = uds.signals.map(({ ecu: name, dids, everyMs }, at) => {
    const ecu = ecus.find((one) => one.name === name);
    const rule = [...place, "signals", at];
    if (ecu === undefined)
      throw unknown(loaded, [...rule, "ecu"], `${name} is not in ecus of this bus`, name, uds.ecus);
    return { ecu, everyMs, dids: dids.map((did, index) => didOf(loaded, [...rule, "dids", index], ecu, did)) };
  });
  return ecus.map((ecu) => ({ bus, ecu, settings: uds, rules: rules.filter((rule) => rule.ecu === ecu) }));
}

function didOf(loaded: LoadedConfig, place: Place, { name, dids }: Ecu, wanted: string): EcuDid {
  const did = dids.find((one) => one.name === wanted);
  const known = dids.map((one) => one.name);
  if (did === undefined) throw unknown(loaded, place, `${name} has no data identifier ${wanted}`, wanted, known);
  if (!did.readable) throw unfit(loaded, place, `${wanted} is not readable: only snapshots hold it`);
  if (did.signals.length === 0) throw unfit(loaded, place, `${wanted} has no signals`);
  return did;
}

/** Only ECUs of one bus are told apart by their addresses. */
function rejectShared({ value, locate }: Catalogue, buses: readonly (readonly string[])[]): void {
  for (const names of buses) {
    const own = value.ecus.filter(({ name }) => names.includes(name));
    const [shared] = sharedAddresses(own);
    if (shared === undefined) continue;
    const at = value.ecus.indexOf(own[shared.at]);
    throw new AgentError("config.invalid", {
      what: `${locate(["ecus", at, "response"])} ecus[${at}]: has an address of ${shared.with}, which is on the same bus`,
      remedy: "give each control unit of a bus ids of its own, or address bytes",
    });
  }
}

function unfit(loaded: LoadedConfig, place: Place, problem: string): AgentError {
  return new AgentError("config.invalid", {
    what: `${loaded.locate(place)} ${fieldOf(place)}: ${problem}`,
    remedy: "see what the catalogue has with: causeway uds ecus",
  });
}

function unknown(
  loaded: LoadedConfig,
  place: Place,
  problem: string,
  name: string,
  known: readonly string[],
): AgentError {
  const near = nearestWord(name, known);
  return unfit(loaded, place, near === undefined ? problem : `${problem}; did you mean ${near}?`);
}

function fieldOf(place: Place): string {
  return place.map((key, at) => (typeof key === "number" ? `[${key}]` : `${at === 0 ? "" : "."}${key}`)).join("");
}
