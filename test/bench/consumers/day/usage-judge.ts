import { DAY_LINK } from "../../day/day-modem.ts";
import type { WireDataUsage } from "../record-reader.ts";
import type { DayRecord } from "./day-records.ts";
import { DayTally, type DayVerdict, timeOf } from "./day-verdict.ts";
import type { BootFacts } from "./sample-truth.ts";
import type { WakeJudgeParts } from "./wake-judge.ts";

const DAY_MS = 86_400_000;
/** From a midnight, or the wake after it, to the moment that the day is found to be over: as `ONLINE_WITHIN_MS` of presence. */
const FOUND_WITHIN_MS = 300_000;
/** What TLS, TCP, IP and MQTT add to a record, both ways, at most, and what comes again. */
const MOST_ADDED_BYTES = 1500;
/** What is kept ahead of what goes out, for each use: a cut of power makes it count (agent/vehicle/link/data-usage.ts). */
const AHEAD_BYTES = 131_072;

export type UsageParts = WakeJudgeParts & {
  readonly boots: readonly BootFacts[];
  /** The day's start, ms since the Unix epoch. */
  readonly epochMs: number;
};

/** Each midnight that passes is told once, as soon as the van is up: the day that is over, and of each stream what came in it, and little more. */
export function judgeUsage({ plan, heard, corrections, sleeps, boots, epochMs }: UsageParts): DayVerdict {
  const tally = new DayTally("usage");
  const told = heard.records.flatMap(({ record }) => {
    const { dataUsage: ended } = record;
    return ended === undefined ? [] : [{ ...ended, trueMs: corrections.trueMs(record, ended.timeUs) }];
  });
  const midnights = midnightsOf(plan.startsAtMs, plan.lengthMs);
  tally.check(told.length === midnights.length, () => `${told.length} records of ${midnights.length} days that ended`);
  let beganMs = 0;
  let bytes = 0;
  for (const [at, midnightMs] of midnights.entries()) {
    const ended = told[at];
    if (ended === undefined) break;
    const wantedDay = Math.floor((epochMs + midnightMs - 1) / DAY_MS);
    tally.check(ended.day === wantedDay, () => `day ${ended.day} ended, and not ${wantedDay}`);
    const upMs = sleeps.find(({ fromMs, toMs }) => fromMs <= midnightMs && midnightMs < toMs)?.toMs ?? midnightMs;
    tally.check(ended.trueMs >= midnightMs && ended.trueMs <= upMs + FOUND_WITHIN_MS, () => {
      return `the day is over at ${timeOf(plan.startsAtMs, ended.trueMs)}, with the van up at ${timeOf(plan.startsAtMs, upMs)}`;
    });
    const came = heard.records.filter(({ heardMs }) => beganMs <= heardMs && heardMs < midnightMs);
    const cuts = boots.slice(1).filter(({ atMs }) => beganMs <= atMs && atMs < midnightMs).length;
    bytes += checkBytes(tally, ended, came, cuts);
    beganMs = midnightMs;
  }
  return tally.verdict(`${midnights.length} days ended, with ${bytes} bytes of records over ${DAY_LINK}`);
}

/** Holds what was counted of each stream against what came of it; gives all that was counted. */
function checkBytes(tally: DayTally, { usage }: WireDataUsage, came: readonly DayRecord[], cuts: number): number {
  let bytes = 0;
  for (const stream of new Set(came.map(({ record }) => record.stream))) {
    const of = came.filter(({ record }) => record.stream === stream);
    const least = of.reduce((sum, one) => sum + one.bytes, 0);
    const most = least + of.length * MOST_ADDED_BYTES + cuts * AHEAD_BYTES;
    const counted = usage
      .filter(({ link, use }) => link === DAY_LINK && use === stream)
      .reduce((sum, { dayBytes }) => sum + dayBytes, 0);
    bytes += counted;
    tally.check(counted >= least && counted <= most, () => {
      return `${counted} bytes of ${stream} were counted, where ${least} came in ${of.length} records`;
    });
  }
  return bytes;
}

/** Midnights in a day of the bench, vehicle time. `startsAtMs`: its time of day at the start. */
function midnightsOf(startsAtMs: number, lengthMs: number): readonly number[] {
  const count = Math.floor((startsAtMs + lengthMs) / DAY_MS);
  return Array.from({ length: count }, (_, at) => (at + 1) * DAY_MS - startsAtMs);
}
