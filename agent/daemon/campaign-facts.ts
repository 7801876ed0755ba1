import type { BusState } from "../ports/can-bus.ts";
import type { FactKind, FactNames, FactValues } from "../telemetry/campaigns/expression-plan.ts";

const BUS_STATES: readonly BusState[] = ["up", "down", "absent", "error-passive", "bus-off"];

/** What expressions of campaigns may ask about the buses: `bus.NAME.up` and `bus.NAME.state`. What CEL does not take in a name is '_'. */
export function factNames(busNames: readonly string[]): FactNames {
  return new Map<string, FactKind>(
    busNames.flatMap((name): [string, FactKind][] => [
      [`${prefixOf(name)}.up`, { type: "bool" }],
      [`${prefixOf(name)}.state`, { type: "text", texts: BUS_STATES }],
    ]),
  );
}

/** What the buses are like now, by the names of `factNames`. */
export function factValues(buses: readonly { readonly name: string; readonly state: BusState }[]): FactValues {
  return new Map(
    buses.flatMap(({ name, state }): [string, number][] => [
      [`${prefixOf(name)}.up`, state === "up" ? 1 : 0],
      [`${prefixOf(name)}.state`, BUS_STATES.indexOf(state)],
    ]),
  );
}

function prefixOf(busName: string): string {
  return `bus.${busName.replaceAll(/[^A-Za-z0-9_]/g, "_")}`;
}
