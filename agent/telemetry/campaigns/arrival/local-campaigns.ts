import type { CampaignDocument } from "../../../../config/campaign.ts";
import type { Log } from "../../../core/log.ts";
import type { CampaignControl, SourceOffer } from "./campaign-control.ts";
import type { CampaignStore, KeptCampaigns } from "./campaign-store.ts";

export type LocalCampaignParts = {
  readonly control: Pick<CampaignControl, "offer" | "tried" | "list">;
  readonly store: Pick<CampaignStore, "save">;
  readonly log: Log;
};

/** The campaigns that were set on this vehicle's command line. Each change is durable before it counts. */
export class LocalCampaigns {
  readonly #parts: LocalCampaignParts;
  #kept: KeptCampaigns;

  /** `kept` is what was saved before this start, which the control knows already. */
  constructor(kept: KeptCampaigns, parts: LocalCampaignParts) {
    this.#parts = parts;
    this.#kept = kept;
  }

  /**
   * Sets a campaign in place of the one of its id; gives why it does not, with nothing changed then. With `isForced` it counts whatever
   * version others have. Throws `output.unwritable`.
   */
  add(document: CampaignDocument, isForced: boolean): string | undefined {
    const { control, log } = this.#parts;
    const { id, version } = document;
    const before = this.#kept.documents.find((one) => one.id === id);
    if (before !== undefined && before.version > version && !isForced) {
      return `version: ${version} is older than ${before.version}, which was added before`;
    }
    const documents = [...this.#kept.documents.filter((one) => one.id !== id), document];
    const forced = [...this.#kept.forced.filter((one) => one !== id), ...(isForced ? [id] : [])];
    const next = { ...this.#kept, documents, forced };
    const { chosen, refused } = control.tried("local", keptOffer(next));
    const isOwn = chosen.some(({ source, plan }) => source === "local" && plan.document.id === id);
    // Where another source has the very same document it runs already, and goes on when that source takes it back.
    const refusal = refused.find((one) => one.source === "local" && one.id === id);
    if (!isOwn && refusal !== undefined) return refusal.reason;
    const left = control
      .list()
      .running.find((one) => !chosen.some(({ plan }) => isOfOneId(plan.document, one.plan.document)));
    if (left !== undefined)
      return `there is no room: ${left.plan.document.id} would not run any more (campaigns.limits)`;
    this.#set(next);
    log.info("campaign.added", { id, version, isForced });
    return undefined;
  }

  /** Takes a campaign away that was set here; false where there is none. Throws `output.unwritable`. */
  remove(id: string): boolean {
    const { documents, forced } = this.#kept;
    if (!documents.some((one) => one.id === id)) return false;
    const stay = (one: string): boolean => one !== id;
    this.#set({ ...this.#kept, documents: documents.filter((one) => stay(one.id)), forced: forced.filter(stay) });
    this.#parts.log.info("campaign.removed", { id });
    return true;
  }

  #set(next: KeptCampaigns): void {
    this.#parts.store.save("local", next);
    this.#kept = next;
    this.#parts.control.offer("local", keptOffer(next));
  }
}

/** What the control of campaigns is told of kept campaigns. */
export function keptOffer({ documents, forced }: KeptCampaigns): SourceOffer {
  return { documents, unread: [], forced: new Set(forced) };
}

function isOfOneId({ id }: CampaignDocument, { id: other }: CampaignDocument): boolean {
  return id === other;
}
