import type { BusDiagnosticsConfig } from "../../config/diagnostics.ts";
import { AgentError } from "../core/errors.ts";
import type { ActingEcu, EcuDirectory } from "../diagnostics/ecu-acts.ts";
import { actingNode } from "../diagnostics/j1939/acting-node.ts";
import { nodeAddress } from "../diagnostics/j1939/code-listener.ts";
import { actingObdEcu } from "../diagnostics/obd/acting-obd-ecu.ts";
import { namedEcus } from "../diagnostics/obd/ecu.ts";
import { actingUdsEcu } from "../diagnostics/uds/acting-ecu.ts";
import type { BusEcu } from "./configuration/load-ecus.ts";

/** Control units by their names; of two with one name the first. `finders` know more than are listed. */
export function ecuDirectory(
  acting: readonly ActingEcu[],
  finders: readonly ((name: string) => ActingEcu | undefined)[] = [],
): EcuDirectory {
  const found = (name: string): ActingEcu | undefined => {
    for (const find of finders) {
      const ecu = find(name);
      if (ecu !== undefined) return ecu;
    }
    return undefined;
  };
  return {
    names: () => [...new Set(acting.map(({ name }) => name))],
    find: (name) => acting.find((ecu) => ecu.name === name) ?? found(name),
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

/** The same for a node of J1939, which is known by its address alone; undefined for another name. */
export function describedNode(name: string): ActingEcu | undefined {
  const address = nodeAddress(name);
  const parts = { bus: "", node: { request: withoutBus }, codes: { noteClear: () => undefined } };
  return address === undefined ? undefined : actingNode({ ...parts, name, address });
}

function withoutBus(): never {
  throw new AgentError("internal.bug", {
    what: "a check of the configuration asks a control unit",
    remedy: "report it with the output of causeway diag",
  });
}
