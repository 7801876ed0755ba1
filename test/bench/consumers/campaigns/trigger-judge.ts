import type { CampaignDocument } from "../../../../config/campaign.ts";
import type { WireTrigger } from "../record-reader.ts";
import type { CampaignTally } from "./campaign-verdict.ts";
import type { DriveExpressions } from "./drive-expressions.ts";
import { type Firing, firingsOf } from "./trigger-model.ts";

/** How far a moment may be off that no frame brings: a window that slides, an age that is looked at now and then, µs. */
const TIMER_SLACK_US = 350_000;
/** The same for what becomes too old, and what has lasted long enough. */
const EXACT_SLACK_US = 2;
const ROUNDING = 1e-9;

/** Judges when a campaign fired, and what it says it read. Gives what should have fired; undefined where that is not known. */
export function judgeTriggers(
  document: CampaignDocument,
  { moments, runsOn, frames }: DriveExpressions,
  triggers: readonly WireTrigger[],
  tally: CampaignTally,
): readonly Firing[] | undefined {
  const begins = triggers.filter(({ phase }) => phase === "TRIGGER_PHASE_BEGIN");
  tally.triggers = begins.length;
  if (document.trigger === undefined) return [];
  if (moments === undefined || begins.some(({ byHand }) => byHand)) {
    tally.unknown("when it fires is not judged", begins.length);
    return undefined;
  }
  const slackUs = runsOn ? TIMER_SLACK_US : EXACT_SLACK_US;
  const firings = firingsOf(moments, document.trigger);
  const fired = firedTimes(triggers).toSorted((a, b) => a - b);
  firings.forEach(({ begin }, at) => {
    const found = fired.findIndex((timeUs) => Math.abs(timeUs - begin.timeUs) <= slackUs);
    if (found < 0 && begin.at < frames) tally.wrong(`trigger ${at + 1} at ${begin.timeUs} did not fire`);
    else if (found >= 0) {
      fired.splice(found, 1);
      tally.right(1);
    }
    const record = begins.find(({ timeUs }) => Math.abs(timeUs - begin.timeUs) <= slackUs);
    if (record !== undefined && !runsOn) judgeValues(record, begin.values, tally);
  });
  for (const timeUs of fired) tally.wrong(`a trigger fired at ${timeUs}, and should not`);
  if (document.trigger.mode === "while") judgeEnds(firings, triggers, { slackUs, frames }, tally);
  return firings;
}

/** Each trigger once: its record, and those whose captures were merged with it. */
function firedTimes(triggers: readonly WireTrigger[]): readonly number[] {
  return [...Map.groupBy(triggers, ({ number }) => number).values()].flatMap((records) => {
    const begin = records.find(({ phase }) => phase === "TRIGGER_PHASE_BEGIN");
    const end = records.find(({ phase }) => phase === "TRIGGER_PHASE_END");
    const marks = end?.marksUs ?? [];
    if (begin === undefined) return marks;
    return [begin.timeUs, ...marks.filter((timeUs) => timeUs !== begin.timeUs)];
  });
}

function judgeEnds(
  firings: readonly Firing[],
  triggers: readonly WireTrigger[],
  { slackUs, frames }: { readonly slackUs: number; readonly frames: number },
  tally: CampaignTally,
): void {
  const ends = triggers.filter(({ phase }) => phase === "TRIGGER_PHASE_END").map(({ timeUs }) => timeUs);
  for (const { end } of firings) {
    if (end === undefined) continue;
    const found = ends.findIndex((timeUs) => Math.abs(timeUs - end.timeUs) <= slackUs);
    // After the last frame the agent may have stopped first.
    if (found < 0 && end.at < frames) tally.wrong(`its end at ${end.timeUs} was not told`);
    else if (found >= 0) {
      ends.splice(found, 1);
      tally.right(1);
    }
  }
  for (const timeUs of ends) tally.wrong(`an end at ${timeUs} was told, and should not`);
}

function judgeValues(
  { number, values }: WireTrigger,
  read: Readonly<Record<string, number>>,
  tally: CampaignTally,
): void {
  for (const { name, number: told } of values) {
    const must = read[name];
    if (must === undefined || told === undefined) tally.unknown(`value ${name} of a trigger is not judged`);
    else if (Math.abs(must - told) <= ROUNDING * Math.max(1, Math.abs(must))) tally.right(1);
    else tally.wrong(`trigger ${number}: ${name} must be ${must}, it says ${told}`);
  }
}
