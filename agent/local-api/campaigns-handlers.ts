import { campaignDocument } from "../../config/campaign.ts";
import { issueText } from "../core/issue-text.ts";
import type { Log } from "../core/log.ts";
import type { CampaignControl, ListedCampaign } from "../telemetry/campaigns/arrival/campaign-control.ts";
import type { LocalCampaigns } from "../telemetry/campaigns/arrival/local-campaigns.ts";
import type { CampaignSet } from "../telemetry/campaigns/run/campaign-set.ts";
import type { FrameHistory } from "../telemetry/history/frame-history.ts";
import {
  campaignAdd,
  campaignList,
  campaignReload,
  campaignRemove,
  campaignShow,
  campaignTrigger,
  type ListedCampaigns,
  type ShownCampaign,
} from "./campaigns-schema.ts";
import type { ServedVerb } from "./verb.ts";

export type CampaignsParts = {
  readonly set: Pick<CampaignSet, "seenBy" | "fire">;
  readonly control: Pick<CampaignControl, "list">;
  readonly local: Pick<LocalCampaigns, "add" | "remove">;
  /** Reads the vehicle's own files again. */
  readonly reload: () => Promise<CampaignFilesRead>;
  /** Undefined where none is kept. */
  readonly history: Pick<FrameHistory, "figures"> | undefined;
};

/** Documents of a folder that can run here, and files that cannot. */
type CampaignFilesRead = {
  readonly documents: readonly unknown[];
  readonly refused: readonly { readonly file: string; readonly what: string }[];
};

const DONE = { schemaVersion: 1, kind: "done" } as const;

/** The verbs of campaigns. What changes something is logged before it acts. */
export function campaignsHandlers(parts: CampaignsParts, log: Log): readonly ServedVerb[] {
  const { control, history } = parts;
  return [
    campaignList.answeredBy(() => {
      const { running, refused } = control.list();
      return {
        schemaVersion: 1,
        campaigns: running.map(entryOf),
        refused: refused.map(refusedOf),
        history: historyOf(history),
      };
    }),
    campaignShow.answeredBy(({ id }) => {
      const { running, refused } = control.list();
      const found = running.find(({ plan }) => plan.document.id === id);
      return {
        schemaVersion: 1,
        campaign: found === undefined ? undefined : shownOf(found, parts),
        refused: refused.filter((one) => one.id === id).map(refusedOf),
      };
    }),
    ...changes(parts, log),
  ];
}

function changes({ set, control, local, reload }: CampaignsParts, log: Log): readonly ServedVerb[] {
  return [
    campaignAdd.answeredBy(({ document, force }) => {
      const parsed = campaignDocument.safeParse(document);
      if (!parsed.success) return refusal(issueText(parsed.error));
      log.info("admin.campaign-add-requested", { id: parsed.data.id, version: parsed.data.version, force });
      const reason = local.add(parsed.data, force);
      return reason === undefined ? DONE : refusal(reason);
    }),
    campaignRemove.answeredBy(({ id }) => {
      log.info("admin.campaign-remove-requested", { id });
      if (local.remove(id)) return DONE;
      const other = control.list().running.find(({ plan }) => plan.document.id === id);
      return refusal(
        other === undefined ? `there is no campaign ${id}` : `${id} is not of the command line but of: ${other.source}`,
      );
    }),
    campaignTrigger.answeredBy(({ id }) => {
      log.info("admin.campaign-trigger-requested", { id });
      return set.fire(id) ? DONE : refusal(whyNot(id, control.list().running));
    }),
    campaignReload.answeredBy(async () => {
      log.info("admin.campaign-reload-requested");
      const { documents, refused } = await reload();
      const told = refused.map(({ file, what }) => ({ file, reason: what }));
      return { schemaVersion: 1, accepted: documents.length, refused: told };
    }),
  ];
}

function refusal(reason: string) {
  return { schemaVersion: 1, kind: "refused", reason } as const;
}

function whyNot(id: string, running: readonly ListedCampaign[]): string {
  const found = running.find(({ plan }) => plan.document.id === id);
  if (found === undefined) return `there is no campaign ${id}`;
  if (found.plan.document.trigger?.mode !== "rising") return `${id} has no trigger of mode rising`;
  return `${id} is ${found.figures.state}`;
}

function entryOf({ source, plan, figures }: ListedCampaign): ListedCampaigns["campaigns"][number] {
  const { id, version, budget } = plan.document;
  return { id, version, digest: plan.digest, source, ...figures, budgetBytes: budget?.bytesPerDay };
}

function refusedOf({ id, version, source, kind, reason }: ReturnType<CampaignControl["list"]>["refused"][number]) {
  return { id, version, source, state: kind, reason };
}

function shownOf(campaign: ListedCampaign, { set }: Pick<CampaignsParts, "set">): ShownCampaign {
  const { plan, cost } = campaign;
  const { derived, lastTriggers } = set.seenBy(plan.document.id) ?? { derived: [], lastTriggers: [] };
  return {
    ...entryOf(campaign),
    document: plan.document,
    warnings: plan.warnings.map(({ path, problem }) => `${path.join(".")}: ${problem}`),
    cost,
    derived: derived.map(({ value, ...one }) => ({ ...one, value: plain(value) })),
    lastTriggers: lastTriggers.map(({ number, timeUs, cause: { byHand, values } }) => ({
      number,
      timeUs,
      byHand,
      values: values.map(({ name, value }) => ({ name, value: plain(value) })),
    })),
  };
}

/** The history for people; undefined where none is kept. */
export function historyOf(history: CampaignsParts["history"]): ListedCampaigns["history"] {
  if (history === undefined) return undefined;
  const { bytes, usedBytes, oldestUs, newestUs, overwrittenEarly, openCaptures, refusedCaptures } = history.figures();
  const seconds = oldestUs === undefined || newestUs === undefined ? 0 : Math.max(0, newestUs - oldestUs) / 1e6;
  return { bytes, usedBytes, seconds, overwrittenEarly, openCaptures, refusedCaptures };
}

/** JSON has no NaN and no infinity. */
function plain<T>(value: T): T | string {
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}
