import { isIn } from "../../day/day-plan.ts";
import type { WireWake } from "../record-reader.ts";
import { DayTally, type DayVerdict, timeOf } from "./day-verdict.ts";
import type { SleepFacts } from "./sleep-judge.ts";
import type { VehicleJudgeParts } from "./trip-judge.ts";

/** From a wake to its time in the record, and what a length may be off, of the van's time: half a second of the machine. */
const BOUND_MS = 30_000;
/** Less was no sleep: the van's power manager had not begun with it when a frame came. */
const LEAST_MS = 1000;

export type WakeJudgeParts = VehicleJudgeParts & { readonly sleeps: readonly SleepFacts[] };

/** Each suspend that ended in a wake has one record, of when it was woken, by whom, and for how long it slept; there is no other. */
export function judgeWakes({ plan, heard, corrections, sleeps }: WakeJudgeParts): DayVerdict {
  const tally = new DayTally("wakes");
  const told = heard.records.flatMap(({ record }) => {
    const { wake } = record;
    if (wake === undefined || wake.suspendedMs < LEAST_MS) return [];
    return [{ wake, trueMs: corrections.trueMs(record, wake.timeUs) }];
  });
  const woken = sleeps.filter(({ wokenBy, fromMs, toMs }) => wokenBy !== "power" && toMs - fromMs >= LEAST_MS);
  for (const { fromMs, toMs, wokenBy } of woken) {
    const at = timeOf(plan.startsAtMs, toMs);
    const [first, second] = told.filter(({ trueMs }) => Math.abs(trueMs - toMs) <= BOUND_MS);
    tally.check(first !== undefined && second === undefined, () => `the wake at ${at} has no record, or several`);
    if (first === undefined) continue;
    const { wake } = first;
    const offMs = wake.suspendedMs - (toMs - fromMs);
    tally.check(Math.abs(offMs) <= BOUND_MS, () => `what it slept before ${at} is ${offMs} ms off`);
    // A bus that went on as it fell asleep, or a tap beside frames: the first that is found counts.
    if (wokenBy === "end" || isIn(plan.awake, fromMs)) continue;
    tally.check(isRightCause(wake, wokenBy), () => {
      return `woken at ${at} by ${wokenBy}, which it took for ${wake.cause}${wake.checkIn ? ", a check-in" : ""}`;
    });
  }
  tally.check(told.length === woken.length, () => `${told.length} records of ${woken.length} wakes`);
  const checkIns = told.filter(({ wake }) => wake.checkIn).length;
  return tally.verdict(`${told.length} of ${woken.length}, ${checkIns} of them to check in`);
}

/** The tap comes with the frames of a bus that it wakes. */
function isRightCause({ cause, checkIn }: WireWake, wokenBy: SleepFacts["wokenBy"]): boolean {
  return wokenBy === "alarm" ? cause === "rtc" && checkIn : cause === "can" && !checkIn;
}
