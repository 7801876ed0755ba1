import type { CampaignDocument } from "../../../../config/campaign.ts";
import type { CollectRule } from "../../../../config/schema.ts";
import { ChangeSignal } from "../../../core/change-signal.ts";
import type { CampaignCost } from "../plan/campaign-cost.ts";
import type { CampaignLimits } from "../plan/campaign-limits.ts";
import { type CampaignPlan, type PlanContext, planCampaign } from "../plan/campaign-plan.ts";
import { defaultCampaign } from "../plan/default-campaign.ts";
import { ruleProblems } from "../plan/rule-problems.ts";
import type { CampaignSet } from "../run/campaign-set.ts";
import type { CampaignFigures } from "../run/running-campaign.ts";
import {
  CAMPAIGN_SOURCES,
  type CampaignChoice,
  type CampaignSource,
  chooseCampaigns,
  type RefusedCampaign,
} from "./campaign-choice.ts";
import { CampaignJudge } from "./campaign-judge.ts";

export type CampaignControlParts = {
  readonly set: Pick<CampaignSet, "use" | "list" | "reportOrphans" | "snapshot">;
  readonly context: PlanContext;
  readonly limits: CampaignLimits;
  /** What the gateway is; undefined where that is not known. */
  readonly hardware?: string | undefined;
};

/** What a source wants to run, and what of it could not even be read. */
export type SourceOffer = {
  readonly documents: readonly CampaignDocument[];
  readonly unread: readonly Pick<RefusedCampaign, "id" | "version" | "reason">[];
  /** Ids that count whatever version others have; none when absent. */
  readonly forced?: ReadonlySet<string>;
};

/** A campaign that is in force, and how it does. */
export type ListedCampaign = {
  readonly source: CampaignSource;
  readonly plan: CampaignPlan;
  readonly cost: CampaignCost;
  readonly figures: CampaignFigures;
};

/** What is in force, and what is not and why. The campaign that the rules of collection stand for is not among them. */
export type CampaignList = {
  readonly running: readonly ListedCampaign[];
  readonly refused: readonly RefusedCampaign[];
};

const NOTHING: SourceOffer = { documents: [], unread: [] };

/** Says which campaigns run: the one that the rules of collection stand for, and of those that the sources offer each whole or not at all. */
export class CampaignControl {
  /** Tells when another campaign runs, or is refused. */
  readonly changed = new ChangeSignal();
  readonly #parts: CampaignControlParts;
  readonly #judge: CampaignJudge;
  readonly #offers = new Map<CampaignSource, SourceOffer>();
  #default: CampaignPlan;
  #states: readonly CampaignPlan[] = [];
  #choice: CampaignChoice = { chosen: [], refused: [] };

  /** `rules` must fit the table. Nothing is in force before `begin`. */
  constructor(rules: readonly CollectRule[], parts: CampaignControlParts) {
    this.#parts = parts;
    this.#judge = new CampaignJudge(parts.context, parts.hardware);
    this.#default = planRules(rules, parts.context);
  }

  /** From the next frame on these rules count. */
  useRules(rules: readonly CollectRule[]): void {
    this.#default = planRules(rules, this.#parts.context);
    this.#apply();
  }

  /**
   * From the next frame on these are the campaigns of state templates, in place of those before. `anew` begin again, with a snapshot of
   * what is known of their signals.
   */
  useStates(plans: readonly CampaignPlan[], anew: readonly CampaignPlan[]): void {
    if (anew.some((plan) => this.#states.includes(plan))) {
      this.#states = plans.filter((plan) => !anew.includes(plan));
      this.#apply();
    }
    this.#states = plans;
    this.#apply();
    for (const { document } of anew) this.#parts.set.snapshot(document.id);
  }

  /** One sentence about the first rule that matches no signal of the table, or several where it names one; undefined when all are good. */
  unfitRule(rules: readonly CollectRule[]): string | undefined {
    const { unfit, warnings } = ruleProblems(rules, this.#parts.context.table);
    return [...warnings, ...unfit][0]?.problem;
  }

  /** What the sources offer at the start, all at once: what nobody offers any more is not waited for. Call before frames come. */
  begin(offers: ReadonlyMap<CampaignSource, SourceOffer>): void {
    for (const [source, offer] of offers) this.#offers.set(source, offer);
    this.#choice = this.#chooseWith(this.#offers);
    this.#apply();
    this.#parts.set.reportOrphans();
    this.changed.notify();
  }

  /** From the next frame on this is what a source offers, in place of all that it offered before. Gives what of it does not run. */
  offer(source: CampaignSource, offer: SourceOffer): readonly RefusedCampaign[] {
    this.#choice = this.tried(source, offer);
    this.#offers.set(source, offer);
    this.#apply();
    this.changed.notify();
    return this.#choice.refused.filter((one) => one.source === source);
  }

  /** What `offer` would lead to; changes nothing. */
  tried(source: CampaignSource, offer: SourceOffer): CampaignChoice {
    return this.#chooseWith(new Map([...this.#offers, [source, offer]]));
  }

  /** The documents that a source offers now. */
  documentsOf(source: CampaignSource): readonly CampaignDocument[] {
    return this.#offers.get(source)?.documents ?? [];
  }

  /** The plan of a document here; undefined where it does not fit, or is meant for other vehicles. */
  planOf(document: CampaignDocument): CampaignPlan | undefined {
    const judged = this.#judge.judge(document);
    return judged.kind === "fit" ? judged.plan : undefined;
  }

  list(): CampaignList {
    const figures = new Map(this.#parts.set.list().map((one) => [one.plan.digest, one.figures]));
    const running = this.#choice.chosen.flatMap((one) => {
      const own = figures.get(one.plan.digest);
      return own === undefined ? [] : [{ ...one, figures: own }];
    });
    return { running, refused: this.#choice.refused };
  }

  #chooseWith(offers: ReadonlyMap<CampaignSource, SourceOffer>): CampaignChoice {
    const given = CAMPAIGN_SOURCES.map((source) => ({ source, ...(offers.get(source) ?? NOTHING) }));
    const documents = given.flatMap(({ source, documents: own, forced }) =>
      own.map((document) => {
        const isForced = forced?.has(document.id) === true;
        return { source, document, judged: this.#judge.judge(document), isForced };
      }),
    );
    const unread = given.flatMap(({ source, unread: own }) =>
      own.map((one) => ({ ...one, source, kind: "refused" as const })),
    );
    const { chosen, refused } = chooseCampaigns(documents, this.#parts.limits);
    return { chosen, refused: [...unread, ...refused] };
  }

  #apply(): void {
    this.#parts.set.use([this.#default, ...this.#states, ...this.#choice.chosen.map(({ plan }) => plan)]);
  }
}

function planRules(rules: readonly CollectRule[], context: PlanContext): CampaignPlan {
  const planned = planCampaign(defaultCampaign(rules), context, "warning");
  if (planned.kind === "plan") return planned.plan;
  throw new TypeError(`rules that were checked do not fit: ${planned.problems[0]?.problem}`);
}
