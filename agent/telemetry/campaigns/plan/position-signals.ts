import type { SignalEntry } from "../../../signals/signal-entry.ts";
import type { CampaignPlan } from "./campaign-plan.ts";

/** What the table of signals calls the bus of `location.*`, which is none. */
export const LOCATION_BUS = "place";

/** Whether a campaign collects one of `positions`, works something out of it, or records frames that hold it. */
export function samplesPosition(
  { document, samplings, expressions }: CampaignPlan,
  positions: readonly SignalEntry[],
): boolean {
  const known = new Set(positions.map(({ index }) => index));
  const isCollected = samplings.some(({ signals }) =>
    signals.some(({ chosen }) => chosen.kind === "table" && known.has(chosen.signal.index)),
  );
  if (isCollected || expressions.inputs.some(({ index }) => known.has(index))) return true;
  return positions.some((signal) => document.frames.some((choice) => holds(choice, signal)));
}

function holds({ bus, ids }: CampaignPlan["document"]["frames"][number], signal: SignalEntry): boolean {
  if (bus !== signal.bus) return false;
  if (ids === undefined) return true;
  return ids.some((choice) =>
    "pgn" in choice
      ? choice.pgn === signal.pgn
      : choice.id === signal.arbitrationId && choice.extended === signal.extended,
  );
}
