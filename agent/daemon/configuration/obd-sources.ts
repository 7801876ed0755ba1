import type { LoadedConfig } from "../../../config/load.ts";
import { AgentError } from "../../core/errors.ts";
import { ECU_NAMES } from "../../diagnostics/obd/ecu-names.ts";
import { obdTable } from "../../diagnostics/obd/obd-table.ts";
import { pidsNamed } from "../../diagnostics/obd/pid-names.ts";
import { ALWAYS_READ } from "../../diagnostics/obd/poll-plan.ts";
import type { TableSource } from "../../signals/table-source.ts";

type Place = readonly (string | number)[];

/**
 * The signals of OBD-II that the configuration asks for, a source a bus. Without named ECUs those that may be there have them all. Throws
 * `config.invalid` for a PID that is not in the table.
 */
export function obdSources(loaded: LoadedConfig): readonly TableSource[] {
  return (loaded.config.diagnostics?.buses ?? []).flatMap(({ bus, obd }, at) => {
    if (obd === undefined) return [];
    const place = ["diagnostics", "buses", at, "obd"];
    const pids = obd.signals.flatMap((rule, index) =>
      rule.pids.flatMap((name, nth) => pidsAt(loaded, [...place, "signals", index, "pids", nth], name)),
    );
    const ecus = obd.ecus?.map(({ name }) => name) ?? ECU_NAMES;
    return [obdTable({ bus, ecus, pids: [...ALWAYS_READ, ...pids], file: loaded.locate(place) })];
  });
}

function pidsAt(loaded: LoadedConfig, place: Place, name: string): readonly number[] {
  const found = pidsNamed(name);
  if (found.kind === "pids") return found.pids;
  throw new AgentError("config.invalid", {
    what: `${loaded.locate(place)} ${found.problem}`,
    remedy: "name a PID as causeway obd scan --json does, by its number as 0x0c, or * for all that the ECU supports",
  });
}
