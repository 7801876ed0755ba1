import { type CampaignDocument, campaignDocument } from "../../../../config/campaign.ts";
import type { CollectRule } from "../../../../config/schema.ts";

/** Id of the campaign that the rules of collection stand for. */
export const DEFAULT_CAMPAIGN = "default";

/** The campaign that is always on: each signal on change, but for what `rules` say otherwise. */
export function defaultCampaign(rules: readonly CollectRule[]): CampaignDocument {
  const collect = [{ signals: "*", mode: "on-change" }, ...rules];
  return campaignDocument.parse({ schemaVersion: 1, id: DEFAULT_CAMPAIGN, version: 1, collect });
}
