import type { ResultSink } from "../../expressions/board-plan.ts";
import type { CampaignPlan } from "../plan/campaign-plan.ts";
import type { CampaignParts } from "./campaign-parts.ts";
import type { Collection } from "./collection.ts";

/**
 * The collection of a campaign that came in the words of another cloud: what fires it, and what it then takes, are that cloud's own. Those
 * words know no J1939 senders and no derived signals, and nothing of it outlives a restart.
 */
export interface OwnCollection extends Pick<Collection, "links" | "flush"> {
  /** Where the results of its condition go; undefined where it has none. */
  readonly condition: ResultSink | undefined;
  /** Events so far, and those that were held back. */
  counts(): { readonly triggers: number; readonly suppressed: number };
}

/** The own collection of a plan; undefined for one that collects as its document says. */
export type OwnCollections = (plan: CampaignPlan, parts: CampaignParts) => OwnCollection | undefined;

/** `own` where a campaign asks its collection for what such a one does not do. */
export function asCollection(own: OwnCollection): Collection {
  return {
    links: () => own.links(),
    flush: (cause) => own.flush(cause),
    look: () => {
      own.flush("tick");
      return { isDue: false, samples: 0 };
    },
    admit: () => [],
    takeDerived: () => undefined,
    begin: () => undefined,
    end: () => undefined,
    retire: () => undefined,
    takeKept: () => [],
    // What newer samples pushed out belongs to no event, as it is meant.
    discarded: () => 0,
  };
}
