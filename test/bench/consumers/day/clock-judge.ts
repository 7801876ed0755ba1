import { clockAt } from "../../day/timeline.ts";
import type { Corrections } from "./corrections.ts";
import { DayTally, type DayVerdict, timeOf } from "./day-verdict.ts";
import type { BootFacts, TruthParts } from "./sample-truth.ts";

/** From a start, or a step, to the record of it, of the van's time: a second of the machine. */
const TOLD_WITHIN_MS = 60_000;
/** A step is the difference of two clocks that are read at one moment each. */
const STEP_BOUND_MS = 10;
const QUALITIES = new Map([
  ["ntp", "CLOCK_QUALITY_NTP"],
  ["unsynchronised", "CLOCK_QUALITY_UNSYNCHRONISED"],
]);

/** Each boot says what its clock is worth, each clock that is set by how far; no change says anything else than the truth of its moment. */
export function judgeClockChanges({ plan, line, boots, heard }: TruthParts, corrections: Corrections): DayVerdict {
  const tally = new DayTally("clock");
  const told = heard.records.flatMap(({ record }) => {
    const change = record.clockChange;
    if (change === undefined) return [];
    return [{ change, bootId: record.bootId, trueMs: corrections.trueMs(record, change.wallUs) }];
  });
  for (const { change, trueMs } of told) {
    const { quality } = clockAt(line, trueMs);
    tally.check(change.after.quality === QUALITIES.get(quality), () => {
      return `${change.after.quality} at ${timeOf(plan.startsAtMs, trueMs)}, when the clock was ${quality}`;
    });
  }
  for (const boot of boots) {
    const of = told.filter(({ bootId }) => bootId === boot.bootId);
    const starts = of.filter(({ change }) => change.reason === "start");
    const at = timeOf(plan.startsAtMs, boot.atMs);
    tally.check(starts.length === 1, () => `the boot at ${at} told ${starts.length} times what its clock is worth`);
    const steps = of.filter(({ change }) => change.stepUs !== 0);
    const wantedMs = stepMsOf(boot, line.startsAtMs);
    tally.check(
      steps.length === (wantedMs === undefined ? 0 : 1),
      () => `${steps.length} steps since the boot at ${at}`,
    );
    const [step] = steps;
    if (step === undefined || wantedMs === undefined) continue;
    const offMs = step.change.stepUs / 1000 - wantedMs;
    tally.check(Math.abs(offMs) <= STEP_BOUND_MS, () => `the step is ${offMs} ms off`);
    tally.check(step.trueMs >= boot.setMs && step.trueMs <= boot.setMs + TOLD_WITHIN_MS, () => {
      return `the step of ${timeOf(plan.startsAtMs, boot.setMs)} is told of ${timeOf(plan.startsAtMs, step.trueMs)}`;
    });
  }
  const steps = told.filter(({ change }) => change.stepUs !== 0);
  return tally.verdict(`${told.length} changes, ${steps.length} of them steps`);
}

/** By how much the clock of a boot is set; undefined where it is right. */
function stepMsOf({ atMs, clockMs }: BootFacts, startsAtMs: number): number | undefined {
  return clockMs === undefined ? undefined : startsAtMs + atMs - clockMs;
}
