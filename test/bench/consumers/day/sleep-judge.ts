import { type DayPlan, type DaySpan, isIn } from "../../day/day-plan.ts";
import { clockAt, type Timeline } from "../../day/timeline.ts";
import type { DayRecords, PresenceHeard } from "./day-records.ts";
import { DayTally, type DayVerdict, timeOf } from "./day-verdict.ts";

/** A suspend of the gateway: what the agent said last before it, and what ended it. */
export type SleepFacts = DaySpan & {
  readonly wokenBy: "bus" | "alarm" | "tap" | "power" | "end";
  readonly farewell: PresenceHeard | undefined;
  /** When the alarm would go off that was set then; undefined where none was. */
  readonly alarmMs: number | undefined;
};

/** From a wake to "online", of the van's time: some 5 s of the machine. */
const ONLINE_WITHIN_MS = 300_000;
/** The broker says that a link is lost when it notices: of the machine, some seconds. */
const LOST_WITHIN_MS = 300_000;

/** An alarm is in whole seconds, and asked for over a socket: within a second of the machine. */
const ALARM_MS = 60_000;

export type SleepJudgeParts = {
  readonly plan: DayPlan;
  readonly line: Timeline;
  readonly sleeps: readonly SleepFacts[];
  readonly heard: Pick<DayRecords, "presences">;
};

/** Before each suspend the van said that it sleeps, why, and when it checks in; after each wake it said that it is back, and in between nothing. */
export function judgePresence({ plan, line, sleeps, heard }: SleepJudgeParts): DayVerdict {
  const tally = new DayTally("presence");
  const { presences } = heard;
  const at = (ms: number): string => timeOf(plan.startsAtMs, ms);
  for (const { fromMs, toMs, wokenBy, farewell, alarmMs } of sleeps) {
    tally.check(farewell?.state === "asleep", () => `it slept at ${at(fromMs)} without a word`);
    tally.check(farewell?.reason !== undefined, () => `it slept at ${at(fromMs)} without a reason`);
    tally.check(farewell?.nextCheckInAt !== undefined, () => `it slept at ${at(fromMs)} without a next check-in`);
    const offMs = (alarmMs ?? Number.NaN) - announcedMs(line, fromMs, farewell);
    tally.check(Math.abs(offMs) < ALARM_MS, () => `at ${at(fromMs)} its alarm was ${offMs} ms off what it said`);
    const asleep = presences.filter(({ heardMs }) => heardMs > fromMs && heardMs < toMs);
    tally.check(
      asleep.length === 0,
      () => `it said "${asleep[0]?.state}" in its sleep at ${at(asleep[0]?.heardMs ?? 0)}`,
    );
    if (wokenBy === "power" || wokenBy === "end") continue;
    const back = presences.find(({ heardMs }) => heardMs >= toMs);
    tally.check(back?.state === "online" && back.heardMs < toMs + ONLINE_WITHIN_MS, () => {
      return `woken at ${at(toMs)} by ${wokenBy}, and then ${back?.state ?? "nothing"} at ${at(back?.heardMs ?? 0)}`;
    });
  }
  const lost = presences.filter(({ state }) => state === "lost");
  for (const { heardMs } of lost) {
    tally.check(isIn(lostSpans(plan), heardMs), () => `lost at ${at(heardMs)}, with coverage and power`);
  }
  const by = (why: SleepFacts["wokenBy"]): number => sleeps.filter(({ wokenBy }) => wokenBy === why).length;
  tally.check(by("alarm") > 0, () => "it never checked in");
  tally.check(by("tap") === plan.unlocksMs.length, () => `${by("tap")} taps woke it`);
  return tally.verdict(
    `${sleeps.length} sleeps, woken by frames ${by("bus")}, alarm ${by("alarm")}, tap ${by("tap")}; lost ${lost.length} times`,
  );
}

/** The next check-in that it said, on its own clock, which may be wrong; vehicle time. */
function announcedMs(line: Timeline, saidMs: number, farewell: PresenceHeard | undefined): number {
  if (farewell?.nextCheckInAt === undefined) return Number.NaN;
  return Date.parse(farewell.nextCheckInAt) - line.startsAtMs - clockAt(line, saidMs).offMs;
}

/** When the link or the power was away, and the broker may say so. */
function lostSpans({ trips, boots }: DayPlan): readonly DaySpan[] {
  return [
    ...trips.flatMap(({ tunnels }) => tunnels.map(({ fromMs, toMs }) => ({ fromMs, toMs: toMs + LOST_WITHIN_MS }))),
    ...boots.map(({ atMs }) => ({ fromMs: atMs, toMs: atMs + LOST_WITHIN_MS })),
  ];
}
