import type { CampaignDocument } from "../../../../config/campaign.ts";
import type { EntryProblem } from "../../../core/entry-problem.ts";
import { plainText } from "../../../core/plain-text.ts";
import type { CampaignCost } from "../plan/campaign-cost.ts";
import { type CampaignLimits, excessOf } from "../plan/campaign-limits.ts";
import { type CampaignPlan, digestOf } from "../plan/campaign-plan.ts";
import { DEFAULT_CAMPAIGN } from "../plan/default-campaign.ts";
import { SNAPSHOT_CAMPAIGN } from "../snapshots/snapshot-campaign.ts";
import { isStateCampaign } from "../snapshots/state-campaign.ts";
import type { JudgedDocument } from "./campaign-judge.ts";

/** Longest problem that is told, characters. */
const MAX_PROBLEM = 500;

/**
 * Where campaigns come from: the vehicle's own files, a signed set of files, this vehicle's command line, and the cloud. Of two that say
 * different things under one id and version, that of the earlier source stays.
 */
export const CAMPAIGN_SOURCES = ["files", "set", "local", "cloud"] as const;
export type CampaignSource = (typeof CAMPAIGN_SOURCES)[number];

/** A document that a source wants to run. */
export type CampaignOffer = {
  readonly source: CampaignSource;
  readonly document: CampaignDocument;
  readonly judged: JudgedDocument;
  /** It counts whatever version others have. */
  readonly isForced: boolean;
};

/** A campaign that is in force. */
export type ChosenCampaign = {
  readonly source: CampaignSource;
  readonly plan: CampaignPlan;
  readonly cost: CampaignCost;
};

/** A campaign that does not run. Of a file that cannot be read the id is its path, and the version 0. */
export type RefusedCampaign = {
  readonly source: CampaignSource;
  readonly id: string;
  readonly version: number;
  /** "elsewhere": it is meant for other vehicles. */
  readonly kind: "refused" | "elsewhere";
  /** For people: a line for each problem. */
  readonly reason: string;
};

export type CampaignChoice = {
  readonly chosen: readonly ChosenCampaign[];
  readonly refused: readonly RefusedCampaign[];
};

/**
 * Which documents run: of each id the one of the highest version that can run here, whatever its source, or none where that one is meant
 * for other vehicles; and of these, in the order of sources and ids, as many as fit the limits together. The same offers give the same
 * choice.
 */
export function chooseCampaigns(offers: readonly CampaignOffer[], limits: CampaignLimits): CampaignChoice {
  const refused: RefusedCampaign[] = [];
  const winners = new Map<string, CampaignOffer>();
  for (const offer of offers.toSorted(byVersion)) {
    const winner = winners.get(offer.document.id);
    if (winner !== undefined && isSame(winner, offer)) continue;
    const reason = strayReason(offer, winner);
    if (reason !== undefined) refused.push(refusal(offer, reason));
    else winners.set(offer.document.id, offer);
  }
  const chosen: ChosenCampaign[] = [];
  for (const winner of [...winners.values()].toSorted(bySource)) {
    const { source, judged } = winner;
    if (judged.kind === "elsewhere") refused.push({ ...refusal(winner, judged.reason), kind: "elsewhere" });
    if (judged.kind !== "fit") continue;
    const { plan, cost } = judged;
    const excess = excessOf([...chosen.map((one) => one.cost), cost], limits);
    if (excess === undefined) chosen.push({ source, plan, cost });
    else refused.push(refusal(winner, excess));
  }
  return { chosen, refused };
}

function isSame({ document: left }: CampaignOffer, { document: right }: CampaignOffer): boolean {
  return left.version === right.version && digestOf(left) === digestOf(right);
}

/** Why a document is not the one of its id; undefined when it is. */
function strayReason({ document, judged }: CampaignOffer, winner: CampaignOffer | undefined): string | undefined {
  const { id, version } = document;
  if (id === DEFAULT_CAMPAIGN) return `id: ${id} is that of the rules of collection (collect.rules)`;
  if (id === SNAPSHOT_CAMPAIGN) return `id: ${id} is that of collect.snapshot; choose another`;
  if (isStateCampaign(id)) return `id: ${id} is one of those of state templates; choose one that begins otherwise`;
  if (judged.kind === "unfit") return problemText(judged.problems);
  if (winner === undefined) return undefined;
  const inForce = winner.document.version;
  if (winner.isForced) return `version: ${inForce} of ${TITLES[winner.source]} was forced, and counts`;
  if (inForce > version)
    return `version: ${version} is older than ${inForce} of ${TITLES[winner.source]}, which counts`;
  return `version: ${version} of ${TITLES[winner.source]} says something else, and counts`;
}

/** How a source is called in sentences. */
const TITLES: Readonly<Record<CampaignSource, string>> = {
  files: "the vehicle's files",
  set: "the set of files",
  local: "the command line",
  cloud: "the cloud",
};

/** The problems of a document as lines "field: problem". */
function problemText(problems: readonly EntryProblem[]): string {
  // They quote the document.
  return problems.map(({ path, problem }) => plainText(`${path.join(".")}: ${problem}`, MAX_PROBLEM)).join("\n");
}

function refusal({ source, document: { id, version } }: CampaignOffer, reason: string): RefusedCampaign {
  return { source, id, version, kind: "refused", reason };
}

function byVersion(left: CampaignOffer, right: CampaignOffer): number {
  const byForce = Number(right.isForced) - Number(left.isForced);
  return byForce || right.document.version - left.document.version || rank(left) - rank(right);
}

function bySource(left: CampaignOffer, right: CampaignOffer): number {
  return rank(left) - rank(right) || (left.document.id < right.document.id ? -1 : 1);
}

function rank({ source }: Pick<CampaignOffer, "source">): number {
  return CAMPAIGN_SOURCES.indexOf(source);
}
