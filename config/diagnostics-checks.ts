import type { BusDiagnosticsConfig, DiagnosticsConfig } from "./diagnostics.ts";

/** What is wrong, and where, from the root of the configuration. */
type Problem = { readonly path: readonly (string | number)[]; readonly message: string };

type Bus = { readonly name: string; readonly driver: string; readonly listenOnly?: boolean | undefined };

/** What of `diagnostics` does not fit the buses, or itself. */
export function diagnosticsProblems(
  diagnostics: DiagnosticsConfig | undefined,
  buses: readonly Bus[],
): readonly Problem[] {
  if (diagnostics === undefined) return [];
  const named = diagnostics.buses.map(({ bus }) => bus);
  return diagnostics.buses.flatMap((settings, index) => {
    const problem = (key: string, message: string): Problem => ({
      path: ["diagnostics", "buses", index, key],
      message,
    });
    const bus = buses.find(({ name }) => name === settings.bus);
    const configured = buses.map(({ name }) => name).join(", ");
    if (bus === undefined) return [problem("bus", `unknown bus ${settings.bus}; configured: ${configured}`)];
    if (named.indexOf(settings.bus) !== index) return [problem("bus", `bus ${settings.bus} is named twice`)];
    const found = [
      ...transmitProblems(settings, bus),
      ...sectionProblems(settings, diagnostics),
      ...obdProblems(settings),
    ];
    return found.map(([key, message]) => problem(key, message));
  });
}

type Found = readonly [key: string, message: string];

function transmitProblems({ transmit }: BusDiagnosticsConfig, bus: Bus): readonly Found[] {
  if (transmit === undefined) return [];
  const found: Found[] = [];
  if (bus.listenOnly === true) {
    found.push(["transmit", `bus ${bus.name} is listenOnly: nothing can be sent there; take one of the two away`]);
  }
  if (bus.driver === "replay") {
    found.push(["transmit", `bus ${bus.name} replays a log: nothing can be sent there; take transmit away`]);
  }
  const { first, longest } = transmit.backOffSeconds;
  if (first > longest) {
    found.push(["transmit", `backOffSeconds.longest must be at least ${first}, backOffSeconds.first`]);
  }
  return found;
}

/** What asks needs the permission to. */
function sectionProblems(
  { transmit, obd, uds, j1939 }: BusDiagnosticsConfig,
  { catalogueFile }: DiagnosticsConfig,
): readonly Found[] {
  const found: Found[] = [];
  const asks = (key: string, what: string): void => {
    if (transmit === undefined) found.push([key, `${what}: transmit of this bus must allow that`]);
  };
  if (obd !== undefined && obd.signals.length > 0) asks("obd", "its signals are asked for");
  if (uds !== undefined) asks("uds", "control units are asked");
  if (j1939 !== undefined) asks("j1939", "an address is claimed by sending");
  if (uds !== undefined && catalogueFile === undefined) {
    found.push(["uds", "needs diagnostics.catalogueFile, which says what its control units are"]);
  }
  return found;
}

/** Each ECU is one name and one id. */
function obdProblems({ obd }: BusDiagnosticsConfig): readonly Found[] {
  const ecus = obd?.ecus ?? [];
  return ecus.flatMap(({ name, response }, index): readonly Found[] => {
    const before = ecus.slice(0, index);
    if (before.some((ecu) => ecu.name === name)) return [["obd", `ecus: ${name} is named twice`]];
    const same = before.find((ecu) => ecu.response === response);
    return same === undefined ? [] : [["obd", `ecus: ${same.name} and ${name} have the same response`]];
  });
}
