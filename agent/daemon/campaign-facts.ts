import type { BusState } from "../ports/can-bus.ts";
import type { FactKind, FactNames, FactValues } from "../telemetry/campaigns/expression-plan.ts";
import type { ObservedBus } from "./services.ts";

const BUS_STATES: readonly BusState[] = ["up", "down", "absent", "error-passive", "bus-off"];

/** What expressions of campaigns may ask about the buses: `bus.NAME.up` and `bus.NAME.state`. What CEL does not take in a name is '_'. */
export function campaignFacts(buses: readonly ObservedBus[]): {
  readonly names: FactNames;
  readonly values: () => FactValues;
} {
  const prefixOf = ({ bus }: ObservedBus): string => `bus.${bus.name.replaceAll(/[^A-Za-z0-9_]/g, "_")}`;
  const names = new Map<string, FactKind>(
    buses.flatMap((observed): [string, FactKind][] => [
      [`${prefixOf(observed)}.up`, { type: "bool" }],
      [`${prefixOf(observed)}.state`, { type: "text", texts: BUS_STATES }],
    ]),
  );
  const values = (): FactValues =>
    new Map(
      buses.flatMap((observed) => [
        [`${prefixOf(observed)}.up`, observed.state === "up" ? 1 : 0],
        [`${prefixOf(observed)}.state`, BUS_STATES.indexOf(observed.state)],
      ]),
    );
  return { names, values };
}
