import type { CampaignDocument } from "../../../config/campaign.ts";
import type { CollectRule } from "../../../config/schema.ts";
import type { EntryProblem } from "../../core/entry-problem.ts";
import { type CampaignPlan, type PlanContext, planCampaign } from "./campaign-plan.ts";
import type { CampaignSet } from "./campaign-set.ts";
import { defaultCampaign } from "./default-campaign.ts";
import { ruleProblems } from "./rule-problems.ts";

/** A document that cannot run here, and why: the first problem of each place. */
export type UnfitCampaign = { readonly document: CampaignDocument; readonly problems: readonly EntryProblem[] };

export type CampaignControlParts = {
  readonly set: Pick<CampaignSet, "use" | "reportOrphans">;
  readonly context: PlanContext;
};

/** Says which campaigns run: the one that the rules of collection stand for, and the documents that were accepted. */
export class CampaignControl {
  readonly #parts: CampaignControlParts;
  #default: CampaignPlan;
  #others: readonly CampaignPlan[] = [];

  /** `rules` must fit the table. */
  constructor(rules: readonly CollectRule[], parts: CampaignControlParts) {
    this.#parts = parts;
    this.#default = planRules(rules, parts.context);
    this.#apply();
  }

  /** From the next frame on these rules count. */
  useRules(rules: readonly CollectRule[]): void {
    this.#default = planRules(rules, this.#parts.context);
    this.#apply();
  }

  /** One sentence about the first rule that matches no signal of the table, or several where it names one; undefined when all are good. */
  unfitRule(rules: readonly CollectRule[]): string | undefined {
    const { unfit, warnings } = ruleProblems(rules, this.#parts.context.table);
    return [...warnings, ...unfit][0]?.problem;
  }

  /** From the next frame on these documents count, each whole or not at all. Gives those that cannot run here. */
  useDocuments(documents: readonly CampaignDocument[]): readonly UnfitCampaign[] {
    const unfit: UnfitCampaign[] = [];
    const plans: CampaignPlan[] = [];
    for (const document of documents) {
      const planned = planCampaign(document, this.#parts.context);
      if (planned.kind === "plan") plans.push(planned.plan);
      else unfit.push({ document, problems: planned.problems });
    }
    this.#others = plans;
    this.#apply();
    this.#parts.set.reportOrphans();
    return unfit;
  }

  #apply(): void {
    this.#parts.set.use([this.#default, ...this.#others]);
  }
}

function planRules(rules: readonly CollectRule[], context: PlanContext): CampaignPlan {
  const planned = planCampaign(defaultCampaign(rules), context);
  if (planned.kind === "plan") return planned.plan;
  throw new TypeError(`rules that were checked do not fit: ${planned.problems[0]?.problem}`);
}
