import type { BusDiagnosticsConfig } from "../../config/diagnostics.ts";
import { AgentError } from "../core/errors.ts";
import type { ActingEcu, EcuDirectory } from "../diagnostics/ecu-acts.ts";
import { actingObdEcu } from "../diagnostics/obd/acting-obd-ecu.ts";
import { namedEcus } from "../diagnostics/obd/ecu.ts";
import { actingUdsEcu } from "../diagnostics/uds/acting-ecu.ts";
import type { BusEcu } from "./configuration/load-ecus.ts";

/** Control units by their names; of two with one name the first. */
export function ecuDirectory(acting: readonly ActingEcu[]): EcuDirectory {
  return {
    names: () => [...new Set(acting.map(({ name }) => name))],
    find: (name) => acting.find((ecu) => ecu.name === name),
  };
}

/** ECUs of OBD-II that the configuration names, as a check of it has them. */
export function describedObd(buses: readonly BusDiagnosticsConfig[]): readonly ActingEcu[] {
  return buses.flatMap(namedEcus).map((ecu) => actingObdEcu({ ecu, clearCodes: withoutBus }, withoutBus));
}

/** The control units of the catalogue as a check of the configuration has them: nothing of them can be done. */
export function describedEcus(ecus: readonly BusEcu[]): readonly ActingEcu[] {
  return ecus.map(({ ecu }) => actingUdsEcu({ ecu, client: withoutBus, onCleared: () => undefined }));
}

function withoutBus(): never {
  throw new AgentError("internal.bug", {
    what: "a check of the configuration asks a control unit",
    remedy: "report it with the output of causeway diag",
  });
}
