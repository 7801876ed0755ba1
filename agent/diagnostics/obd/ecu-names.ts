import { isSameAddress, type ObdAddress, type ObdEcu } from "./ecu.ts";

/** Most ECUs that may answer on a vehicle (ISO 15765-4). */
const MOST_ECUS = 8;
const ENGINE = "engine";
const TRANSMISSION = "transmission";

/**
 * Names of ECUs where the configuration has none: the table of signals has all of them from the start, so that an ECU which is found
 * while the agent runs has its signals at once.
 */
export const ECU_NAMES: readonly string[] = [
  ENGINE,
  TRANSMISSION,
  ...Array.from({ length: MOST_ECUS - 2 }, (_, at) => `ecu_${at + 3}`),
];

/** Ids whose meaning is usual (ISO 15765-4 for 11 bits; 10, 11 and 18 as vehicles are seen to use them), by the names of above. */
const USUAL: readonly (readonly [response: number, name: string])[] = [
  [0x7e8, ENGINE],
  [0x7e9, TRANSMISSION],
  [0x18da_f110, ENGINE],
  [0x18da_f111, ENGINE],
  [0x18da_f118, TRANSMISSION],
];

/**
 * Names for ECUs that answered: one that is `known` keeps its name; another gets its usual name, or the next that is free. An ECU beyond
 * the last name has none: it is in `nameless`.
 */
export function nameEcus(
  found: readonly ObdAddress[],
  known: readonly ObdEcu[],
): { readonly named: readonly ObdEcu[]; readonly nameless: readonly ObdAddress[] } {
  const named: ObdEcu[] = [...known];
  const nameless: ObdAddress[] = [];
  for (const { response, extended } of found) {
    if (named.some((ecu) => isSameAddress(ecu, { response, extended }))) continue;
    const name = freeName(response, new Set(named.map((ecu) => ecu.name)));
    if (name === undefined) nameless.push({ response, extended });
    else named.push({ name, response, extended });
  }
  return { named, nameless };
}

function freeName(response: number, taken: ReadonlySet<string>): string | undefined {
  const usual = USUAL.find(([id]) => id === response)?.[1];
  if (usual !== undefined && !taken.has(usual)) return usual;
  const others = ECU_NAMES.filter((name) => name !== ENGINE && name !== TRANSMISSION);
  return others.find((name) => !taken.has(name));
}
