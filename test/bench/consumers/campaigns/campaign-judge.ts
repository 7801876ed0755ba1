import type { CampaignDocument } from "../../../../config/campaign.ts";
import type { CampaignEvidence } from "./campaign-evidence.ts";
import { CampaignTally, type CampaignVerdict } from "./campaign-verdict.ts";
import { judgeCaptures } from "./capture-judge.ts";
import { judgeCells } from "./cell-judge.ts";
import { type Sampling, samplingsOf } from "./chosen-signals.ts";
import { columnOf, judgeColumn, type Stretches } from "./column-judge.ts";
import { type DriveExpressions, evaluateDrive } from "./drive-expressions.ts";
import { type DriveFacts, type ReceivedFrame, type Sample, samplesOf } from "./received-frames.ts";
import { judgeTriggers } from "./trigger-judge.ts";
import type { Firing } from "./trigger-model.ts";

/** What was received while a campaign ran, and what came of it. */
export type CampaignCase = {
  readonly document: CampaignDocument;
  /** In the order of their receipt. */
  readonly frames: readonly ReceivedFrame[];
  readonly facts: DriveFacts;
  readonly evidence: CampaignEvidence;
  /** Why what is missing may be: records were lost, or the agent began anew. Undefined: nothing may. */
  readonly excuse: string | undefined;
};

/** Judges one campaign over a whole drive. */
export function judgeCampaign({ document, frames, facts, evidence, excuse }: CampaignCase): CampaignVerdict {
  const tally = new CampaignTally();
  const verdict = (): CampaignVerdict => tally.verdict(document.id, document.version);
  const why = excuse ?? unjudged(document, evidence);
  if (why !== undefined) {
    tally.unknown(`not judged: ${why}`, evidence.count());
    return verdict();
  }
  const expressions = evaluateDrive(frames, document, facts);
  for (const one of expressions.unknown) tally.unknown(one);
  const firings = judgeTriggers(document, expressions, evidence.triggers, tally);
  const samplings = samplingsOf(document, facts.vehicle);
  if (document.trigger?.mode === "rising") {
    judgeCaptures({ document, samplings, frames, facts }, evidence, tally);
    return verdict();
  }
  if (firings === undefined) {
    tally.unknown("what it collects while true is not judged", evidence.count());
    return verdict();
  }
  const got = joined(evidence);
  for (const sampling of samplings)
    judgeContinuous(sampling, { document, frames, facts, expressions, firings, evidence, got }, tally);
  return verdict();
}

/** Why a document is not judged at all. */
function unjudged(document: CampaignDocument, { isThinned }: CampaignEvidence): string | undefined {
  if (isThinned) return "its records were thinned";
  if (document.start !== undefined || document.end !== undefined) return "it begins or ends by the clock";
  if (document.budget !== undefined) return "it has a budget";
  return undefined;
}

type Continuous = {
  readonly document: CampaignDocument;
  readonly frames: readonly ReceivedFrame[];
  readonly facts: DriveFacts;
  readonly expressions: DriveExpressions;
  readonly firings: readonly Firing[];
  readonly evidence: CampaignEvidence;
  readonly got: ReturnType<typeof joined>;
};

function judgeContinuous(sampling: Sampling, of: Continuous, tally: CampaignTally): void {
  const { document, frames, facts, expressions, firings, evidence, got } = of;
  const { source, entry } = sampling;
  const column = columnOf(sampling);
  const came = column === undefined ? [] : (got.get(column) ?? []);
  const samples =
    source.kind === "derived" ? expressions.derived.get(source.name) : samplesOf(frames, source.signal, facts);
  const isOpen = document.trigger === undefined;
  if (samples === undefined) tally.unknown(`a derived signal is not judged`, came.length);
  else if (column === undefined) {
    if (!isOpen || expressions.hasTripEnded)
      tally.unknown("cells over trips, or while a trigger is on, are not judged");
    else judgeCells(sampling, samples, evidence.histograms, tally);
  } else if (expressions.hasTripEnded && entry.mode === "aggregate" && "per" in entry.over) {
    tally.unknown("an aggregate of a trip that ended is not judged", came.length);
  } else if (!isOpen && (document.trigger?.forMs !== 0 || expressions.runsOn)) {
    tally.unknown("what is collected while a trigger is on that frames alone do not switch is not judged", came.length);
  } else judgeColumn(sampling, isOpen ? [samples] : stretchesOf(samples, firings), came, tally);
}

/** Samples while the trigger is on: that of the frame that switches it on counts, that of the one that switches it off does not. */
function stretchesOf(samples: readonly Sample[], firings: readonly Firing[]): Stretches {
  return firings.map(({ begin, end }) =>
    samples.filter(({ at }) => at >= begin.at && at < (end?.at ?? Number.POSITIVE_INFINITY)),
  );
}

/** Columns of all triggers together. */
function joined({ columns }: CampaignEvidence) {
  const all = [...columns.values()].flatMap((one) => [...one]);
  return new Map([...Map.groupBy(all, ([key]) => key)].map(([key, list]) => [key, list.flatMap(([, got]) => got)]));
}
