import type { CampaignDocument } from "../../../../config/campaign.ts";
import type { VehicleMessage, VehicleSignal } from "../../vehicle/vehicle-dbc.ts";
import type { AggregateKind } from "./window-model.ts";

/** An entry of `collect`. */
export type CollectEntry = CampaignDocument["collect"][number];

/** A signal of the vehicle, or a derived one by its name. */
export type Source =
  | { readonly kind: "vehicle"; readonly signal: VehicleSignal }
  | { readonly kind: "derived"; readonly name: string };

/** One way in which one signal is sampled. */
export type Sampling = {
  readonly entry: CollectEntry;
  readonly aggregate: AggregateKind | undefined;
  readonly source: Source;
};

const REPLACING: ReadonlySet<string> = new Set(["off", "every", "on-change", "latest", "curve"]);

/** What a document collects, signal by signal: of the entries whose samples are those of the bus the last counts, all others besides. */
export function samplingsOf(document: CampaignDocument, vehicle: readonly VehicleMessage[]): readonly Sampling[] {
  const { collect, derived } = document;
  const sources = (entry: CollectEntry): readonly Source[] => {
    const matches = matcherOf(entry);
    return [
      ...vehicle.flatMap((message) =>
        message.signals
          .filter((signal) => matches(message, signal))
          .map((signal): Source => ({ kind: "vehicle", signal })),
      ),
      ...derived.filter(({ name }) => matches(name)).map(({ name }): Source => ({ kind: "derived", name })),
    ];
  };
  return collect.flatMap((entry, at) => {
    if (entry.mode === "off") return [];
    const laterKeys = new Set(
      collect
        .slice(at + 1)
        .filter(({ mode }) => REPLACING.has(mode))
        .flatMap((later) => sources(later).map(keyOf)),
    );
    const chosen = sources(entry).filter((one) => !REPLACING.has(entry.mode) || !laterKeys.has(keyOf(one)));
    const kinds = entry.mode === "aggregate" ? entry.of : [undefined];
    return chosen.flatMap((source) => kinds.map((aggregate) => ({ entry, aggregate, source })));
  });
}

/** Name as records have it. */
export function keyOf(source: Source): string {
  return source.kind === "derived" ? `.${source.name}` : `${source.signal.message}.${source.signal.name}`;
}

type Matcher = (of: VehicleMessage | string, signal?: VehicleSignal) => boolean;

function matcherOf({ signals }: CollectEntry): Matcher {
  const patterns = (typeof signals === "string" ? [signals] : signals).map((pattern) => {
    const escaped = pattern.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*");
    return new RegExp(`^${escaped}$`, "i");
  });
  return (of, signal) => {
    if (typeof of === "string") return patterns.some((pattern) => pattern.test(of));
    const id = `@0x${of.id.toString(16)}`;
    const names = [`${of.name}.${signal?.name}`, `${of.name}${id}.${signal?.name}`];
    return [...names, ...names.map((name) => `can0/${name}`)].some((name) =>
      patterns.some((pattern) => pattern.test(name)),
    );
  };
}
