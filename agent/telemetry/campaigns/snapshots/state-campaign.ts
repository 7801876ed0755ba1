import { createHash } from "node:crypto";
import { type CampaignDocument, campaignDocument } from "../../../../config/campaign.ts";
import type { StateTemplate } from "../../../../config/catalogue.ts";

/** How ids of campaigns of state templates begin. */
const PREFIX = "state-";
/** Ids that a campaign can have as they are, after the prefix. */
const PLAIN_ID = /^[A-Za-z0-9_-]{1,58}$/;

/** Whether a campaign of this id is that of a state template. */
export function isStateCampaign(id: string): boolean {
  return id.startsWith(PREFIX);
}

/**
 * The campaign that an active state template is: its signals, named exactly in `names`, on change or every so often. Its id is
 * "state-TEMPLATE"; of a template whose id is longer, or has other characters than ids of campaigns, what is left of it and 16
 * hexadecimal digits of its SHA-256.
 */
export function stateCampaign(
  { template, everyMs, stream, form }: StateTemplate,
  names: readonly string[],
): CampaignDocument {
  const sampling = everyMs === undefined ? { mode: "on-change" } : { mode: "every", ms: everyMs };
  const id = PREFIX + (PLAIN_ID.test(template) ? template : shortened(template));
  const collect = [{ signals: names, ...sampling }];
  return campaignDocument.parse({ schemaVersion: 1, id, version: 1, collect, send: { stream, form } });
}

function shortened(template: string): string {
  const digest = createHash("sha256").update(template).digest("hex").slice(0, 16);
  return `${template.replaceAll(/[^A-Za-z0-9_-]+/g, "-").slice(-40)}-${digest}`;
}
