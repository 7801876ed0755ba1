import type { ResultSink } from "../../expressions/board-plan.ts";
import type { CampaignPlan } from "../plan/campaign-plan.ts";
import type { CampaignParts } from "./campaign-parts.ts";
import type { Collection } from "./collection.ts";

/** The collection of a campaign that came in the words of another cloud: what fires it, and what it then takes, are that cloud's own. */
export interface OwnCollection extends Collection {
  /** Where the results of its condition go, if it has one. */
  readonly condition: ResultSink;
  /** Events so far, and those that were held back. */
  counts(): { readonly triggers: number; readonly suppressed: number };
}

/** The own collection of a plan; undefined for one that collects as its document says. */
export type OwnCollections = (plan: CampaignPlan, parts: CampaignParts) => OwnCollection | undefined;
