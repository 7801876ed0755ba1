import type { Capture } from "../../history/capture.ts";
import type { CampaignRef } from "../../record/encode/campaign-ref.ts";
import type { TriggerReport } from "../../record/encode/trigger.ts";
import type { CampaignPlan } from "../plan/campaign-plan.ts";
import type { VehicleFacts } from "./campaign-parts.ts";
import type { TriggerOccasion } from "./collection.ts";

/** What is known of a trigger, and of its capture where it has one. */
export type TriggerFacts = {
  readonly plan: CampaignPlan;
  readonly campaign: CampaignRef;
  readonly occasion: TriggerOccasion;
  readonly vehicle: VehicleFacts;
  readonly capture?: Capture;
  /** Samples of it that were thrown away. */
  readonly discarded?: number;
};

/** What the record of a trigger says when it fires, and when what belongs to it is whole. */
export function triggerReport(
  { plan, campaign, occasion, vehicle, capture, discarded = 0 }: TriggerFacts,
  phase: "begin" | "end",
  timeUs: number,
): TriggerReport {
  const { trigger } = plan.document;
  const { beforeMs, afterMs } = trigger ?? { beforeMs: 0, afterMs: 0 };
  const dtcs = trigger?.codes === true ? vehicle.codes?.() : undefined;
  const position = vehicle.position?.();
  return {
    campaign,
    number: occasion.number,
    phase,
    timeUs,
    cause: occasion.cause,
    capture: {
      beforeMs,
      afterMs,
      historyMs: capture?.historyMs ?? 0,
      clockStepped: capture?.clockStepped ?? false,
      spansStop: capture?.spansStop ?? false,
      marksUs: capture?.marks.map((mark) => mark.timeUs) ?? [],
      marksDropped: capture?.marksDropped ?? 0,
    },
    counts: {
      frames: capture?.frames ?? 0,
      framesLost: capture?.lost ?? 0,
      samplesDiscarded: discarded,
      buses: vehicle.busCounts(),
    },
    ...((dtcs !== undefined || position !== undefined) && { context: { dtcs: dtcs ?? [], position } }),
  };
}
