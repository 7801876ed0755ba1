import type { CommandRejection } from "./answer.ts";
import type { SetText } from "./authority.ts";

/** How the policy knows a campaign that the cloud sets. */
const ACTION = "campaign.set";

/** A campaign that the cloud wants to run, as far as rights go. */
export type ClaimedCampaign = {
  readonly id: string;
  readonly version: number;
  /** SHA-256 of its text, 64 hexadecimal digits. */
  readonly sha256: string;
  readonly signatures: SetText["signatures"];
  /** Whether it samples where the vehicle is. */
  readonly hasPosition: boolean;
};

export type CampaignRightsParts = {
  /** Judges by the policy of commands; undefined where there is none. */
  readonly judge: ((text: SetText) => CommandRejection | undefined) | undefined;
  /** Whether a job, which is not signed either, may set what is collected (`ota.jobs.settings`). */
  readonly jobsSetCollect: boolean;
};

/**
 * The text that a campaign's signature is over, UTF-8, each line ended by a line feed:
 *
 *     causeway-campaign 1
 *     id=<id>
 *     version=<decimal>
 *     document=<SHA-256 of the document's text, 64 hexadecimal digits>
 */
export function campaignText({ id, version, sha256 }: Pick<ClaimedCampaign, "id" | "version" | "sha256">): string {
  return `causeway-campaign 1\nid=${id}\nversion=${version}\ndocument=${sha256}\n`;
}

/** Why the cloud may not set a campaign; undefined when it may. Fails closed: without a policy there are no keys, and a signature counts for nothing. */
export function campaignRights({
  judge,
  jobsSetCollect,
}: CampaignRightsParts): (claimed: ClaimedCampaign) => string | undefined {
  return (claimed) => {
    const { signatures, hasPosition } = claimed;
    if (signatures.length === 0 && !jobsSetCollect) {
      return "unsigned: what is collected may be set by signed documents alone (ota.jobs.settings)";
    }
    if (judge !== undefined) {
      const rejection = judge({ action: ACTION, text: campaignText(claimed), signatures, isGrave: hasPosition });
      return rejection === undefined ? undefined : `${rejection.code}: ${rejection.description}`;
    }
    if (signatures.length > 0) return "its signature cannot be checked: there is no commands.policyFile";
    return hasPosition ? "unsigned: it samples where the vehicle is" : undefined;
  };
}
