import type { LoadedConfig } from "../../../config/load.ts";
import type { PositionSourceConfig } from "../../../config/place.ts";
import type { AgentConfig } from "../../../config/schema.ts";
import { AgentError } from "../../core/errors.ts";
import type { SignalEntry } from "../../signals/signal-entry.ts";
import { type FoundSignal, findSignal, type NamedTable } from "../../signals/signal-names.ts";
import { matchesSignal } from "../../signals/signal-patterns.ts";
import { LOCATION_BUS } from "../../telemetry/campaigns/plan/position-signals.ts";
import type { PositionPart, PositionSignals } from "../../vehicle/place/signals-source.ts";

type SignalsConfig = Extract<PositionSourceConfig, { kind: "signals" }>;

const PARTS: readonly PositionPart[] = ["altitude", "speed", "course", "accuracy", "satellites", "hdop", "time"];

/** The signals that say where the vehicle is, by the configuration: `location.*`, and those of the DBC files that it names for that. */
export function positionSignals(
  { commands, place }: Pick<AgentConfig, "commands" | "place">,
  table: NamedTable,
): readonly SignalEntry[] {
  const own = place === undefined ? [] : table.signals.filter(({ bus }) => bus === LOCATION_BUS);
  const { latitude, longitude } = commands?.locate ?? {};
  const ofSources = (place?.sources ?? []).flatMap((source) =>
    source.kind === "signals" ? [source.latitude, source.longitude] : [],
  );
  const named = [latitude, longitude, ...ofSources].flatMap((name) => {
    const found = name === undefined ? undefined : findSignal(table, name);
    return found?.kind === "signal" ? [found.signal] : [];
  });
  const patterns = place?.privacy.signals ?? [];
  const further = table.signals.filter((signal) => patterns.some((pattern) => matchesSignal(pattern, signal)));
  return [...own, ...named, ...further];
}

/** The signals of a source. Throws `config.invalid` with the place of a name that stands for none. */
export function signalsOfSource(
  source: SignalsConfig,
  at: number,
  find: (name: string) => FoundSignal,
  { locate }: Pick<LoadedConfig, "locate">,
): PositionSignals {
  const named = (part: PositionPart | "latitude" | "longitude", name: string): SignalEntry => {
    const found = find(name);
    if (found.kind === "signal") return found.signal;
    throw new AgentError("config.invalid", {
      what: `${locate(["place", "sources", at, part])} place.sources[${at}].${part}: ${found.problem}`,
      remedy: "name a signal of the DBC files, see: causeway dbc list",
    });
  };
  const others = PARTS.flatMap((part) => {
    const name = source[part];
    return name === undefined ? [] : [[part, named(part, name)] as const];
  });
  return {
    latitude: named("latitude", source.latitude),
    longitude: named("longitude", source.longitude),
    others: new Map(others),
  };
}
