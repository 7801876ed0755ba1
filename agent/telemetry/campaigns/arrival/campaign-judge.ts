import type { CampaignDocument } from "../../../../config/campaign.ts";
import type { EntryProblem } from "../../../core/entry-problem.ts";
import { matchesPattern } from "../../../signals/signal-patterns.ts";
import { type CampaignCost, costOf } from "../plan/campaign-cost.ts";
import { type CampaignPlan, type PlanContext, planCampaign } from "../plan/campaign-plan.ts";
import { FrameRates } from "../plan/frame-rates.ts";

/** A document held against the vehicle. "elsewhere": it is meant for others, and `reason` says for which. */
export type JudgedDocument =
  | { readonly kind: "fit"; readonly plan: CampaignPlan; readonly cost: CampaignCost }
  | { readonly kind: "elsewhere"; readonly reason: string }
  | { readonly kind: "unfit"; readonly problems: readonly EntryProblem[] };

/** Holds documents against one vehicle; each document once. */
export class CampaignJudge {
  readonly #context: PlanContext;
  readonly #hardware: string | undefined;
  readonly #rates: FrameRates;
  readonly #known = new WeakMap<CampaignDocument, JudgedDocument>();

  /** `hardware` is what the gateway is (`ota.hardware`), where that is known. */
  constructor(context: PlanContext, hardware: string | undefined) {
    this.#context = context;
    this.#hardware = hardware;
    this.#rates = new FrameRates(context.table);
  }

  judge(document: CampaignDocument): JudgedDocument {
    const known = this.#known.get(document) ?? this.#judge(document);
    this.#known.set(document, known);
    return known;
  }

  #judge(document: CampaignDocument): JudgedDocument {
    const reason = this.#elsewhere(document);
    if (reason !== undefined) return { kind: "elsewhere", reason };
    const planned = planCampaign(document, this.#context);
    if (planned.kind === "unfit") return planned;
    return { kind: "fit", plan: planned.plan, cost: costOf(planned.plan, this.#rates) };
  }

  #elsewhere({ for: { buses, hardware: patterns } }: CampaignDocument): string | undefined {
    const { busNames } = this.#context;
    const missing = buses?.find((bus) => !busNames.includes(bus));
    if (missing !== undefined) return `for.buses: for vehicles with ${missing}; this one has ${busNames.join(", ")}`;
    const hardware = this.#hardware;
    if (patterns === undefined) return undefined;
    if (hardware === undefined) return "for.hardware: what this vehicle is, is not known (ota.hardware)";
    if (patterns.some((pattern) => matchesPattern(pattern, hardware))) return undefined;
    return `for.hardware: for ${patterns.join(", ")}; this is ${hardware}`;
  }
}
