import type { CollectRule } from "../../../../config/schema.ts";
import type { EntryProblem } from "../../../core/entry-problem.ts";
import type { SignalTable } from "../../../signals/signal-table.ts";
import { planCampaign } from "./campaign-plan.ts";
import { defaultCampaign } from "./default-campaign.ts";

/** What is wrong with a rule of collection, by its place among them. */
export type RuleProblem = { readonly rule: number; readonly problem: string };

/** Rules that cannot be meant as they are, and those that match no signal, most likely misspelt. */
export function ruleProblems(
  rules: readonly CollectRule[],
  table: SignalTable,
): { readonly unfit: readonly RuleProblem[]; readonly warnings: readonly RuleProblem[] } {
  const planned = planCampaign(
    defaultCampaign(rules),
    { table, busNames: [], facts: new Map(), hasHistory: false },
    "warning",
  );
  if (planned.kind === "unfit") return { unfit: planned.problems.map(ofRule), warnings: [] };
  // The first entry stands before the rules, for all that no rule is about.
  return { unfit: [], warnings: planned.plan.warnings.filter(({ path }) => path[1] !== 0).map(ofRule) };
}

function ofRule({ path, problem }: EntryProblem): RuleProblem {
  return { rule: Number(path[1]) - 1, problem };
}
