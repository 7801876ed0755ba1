import type { VssNaming } from "../../signals/build-table.ts";
import type { SignalEntry, VssName } from "../../signals/signal-entry.ts";
import { valueTexts } from "../../signals/value-texts.ts";
import { LOCATION_BUS } from "../../telemetry/campaigns/plan/position-signals.ts";

const ONE_TO_ONE = { kind: "linear", factor: 1, offset: 0 } as const;
const FIX_TYPES = valueTexts([
  [0, "NONE"],
  [2, "TWO_D"],
  [3, "THREE_D"],
]);

/** Branch Vehicle.CurrentLocation of the catalogue, releases 4 to 6; it has neither speed nor DOP. */
const NAMES: ReadonlyMap<string, VssName> = new Map([
  ["latitude", linear("Latitude", "degrees")],
  ["longitude", linear("Longitude", "degrees")],
  ["altitude", linear("Altitude", "m")],
  ["course", linear("Heading", "degrees")],
  ["accuracy", linear("HorizontalAccuracy", "m")],
  ...(FIX_TYPES === undefined
    ? []
    : [["fix", named("GNSSReceiver.FixType", "", { kind: "values", values: FIX_TYPES })] as const]),
]);

/** `naming`, and the names of `location.*` beside it where it has none of its own for the signal and gives the path to no other. */
export function withLocationNames(naming: VssNaming): VssNaming {
  return {
    release: naming.release,
    namesOf: (signals) => {
      const names = new Map(naming.namesOf(signals));
      const taken = new Set([...names.values()].flatMap((own) => own.map(({ path }) => path)));
      for (const signal of signals.filter(isLocation)) {
        const name = NAMES.get(signal.name);
        if (name !== undefined && !names.has(signal.index) && !taken.has(name.path)) names.set(signal.index, [name]);
      }
      return names;
    },
  };
}

function isLocation({ bus }: SignalEntry): boolean {
  return bus === LOCATION_BUS;
}

function linear(leaf: string, unit: string): VssName {
  return named(leaf, unit, ONE_TO_ONE);
}

function named(leaf: string, unit: string, value: VssName["value"]): VssName {
  return { path: `Vehicle.CurrentLocation.${leaf}`, unit, value };
}
