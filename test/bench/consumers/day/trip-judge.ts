import type { DayPlan, PlannedTrip } from "../../day/day-plan.ts";
import type { WireTrip, WireVehicleState } from "../record-reader.ts";
import type { Corrections } from "./corrections.ts";
import type { Heard } from "./day-records.ts";
import { DayTally, type DayVerdict, timeOf } from "./day-verdict.ts";

/** What the agent may take to be sure of the ignition: its debounce, by default, and some 80 ms of the machine. */
const ON_WITHIN_MS = 5500;
const OFF_WITHIN_MS = 10_000;
/** A clock that steps on the way is read after the ignition: a little earlier is rounding. */
const EARLY_MS = 10;
/** The van stands when a trip begins and ends. */
const ODOMETER_METRES = 1;

export type VehicleJudgeParts = {
  readonly plan: DayPlan;
  readonly heard: Heard;
  readonly corrections: Corrections;
};

/** Each trip has one begin and one end, numbered in order, with its times and its odometer; there is no other trip. */
export function judgeTrips(parts: VehicleJudgeParts): DayVerdict {
  const { plan } = parts;
  const tally = new DayTally("trips");
  const told = tripsOf(parts);
  for (const [at, planned] of plan.trips.entries()) {
    const metres = planned.startOdometerMetres;
    const [begin, secondBegin] = told.filter(({ trip }) => trip.trip === at + 1 && trip.phase === "begin");
    const [end, secondEnd] = told.filter(({ trip }) => trip.trip === at + 1 && trip.phase === "end");
    const name = `trip ${at + 1}`;
    tally.check(begin !== undefined && secondBegin === undefined, () => `${name} has no begin, or several`);
    tally.check(end !== undefined && secondEnd === undefined, () => `${name} has no end, or several`);
    if (begin !== undefined) checkMoment(tally, plan, `${name} begins`, begin, { ...beginOf(planned), metres });
    if (end === undefined) continue;
    checkMoment(tally, plan, `${name} ends`, end, { ...endOf(planned), metres: metres + planned.metres });
    tally.check(!end.trip.interrupted, () => `${name} is said to be interrupted`);
    const lastedMs = Number(end.trip.lastedMs ?? Number.NaN);
    const offMs = lastedMs - (planned.toMs - planned.fromMs);
    tally.check(Math.abs(offMs) < OFF_WITHIN_MS, () => `${name} lasted ${lastedMs} ms`);
  }
  tally.check(told.length === plan.trips.length * 2, () => `${told.length} records of trips`);
  return tally.verdict(`${told.length / 2} of ${plan.trips.length}, with begin, end and odometer`);
}

/** It drives on trips alone; changes follow each other without a gap, and each state is the one before of the next. */
export function judgeStates(parts: VehicleJudgeParts): DayVerdict {
  const { plan, heard, corrections } = parts;
  const tally = new DayTally("states");
  const changes = heard.records
    .flatMap(({ record }) => {
      const change: WireVehicleState | undefined = record.vehicleStateChange;
      return change === undefined ? [] : [{ change, trueMs: corrections.trueMs(record, change.timeUs) }];
    })
    .sort((a, b) => a.change.number - b.change.number);
  for (const [at, { change, trueMs }] of changes.entries()) {
    const before = changes[at - 1]?.change.state;
    tally.check(before === undefined || before === change.before, () => {
      return `${change.state} at ${timeOf(plan.startsAtMs, trueMs)} came after ${change.before}, but ${before} was told`;
    });
  }
  const drives = changes.filter(({ change }) => change.state === "driving");
  tally.check(drives.length === plan.trips.length, () => `it drove ${drives.length} times`);
  const soon = changes.filter(({ change }) => change.state === "asleep-soon");
  tally.check(soon.length > 0, () => "it was never asleep-soon");
  checkNumbers(tally, parts);
  return tally.verdict(`${changes.length} changes: ${drives.length} times driving, ${soon.length} times asleep-soon`);
}

type Told = { readonly trip: WireTrip; readonly trueMs: number };

function tripsOf({ heard, corrections }: VehicleJudgeParts): readonly Told[] {
  return heard.records.flatMap(({ record }) =>
    record.trip === undefined ? [] : [{ trip: record.trip, trueMs: corrections.trueMs(record, record.trip.timeUs) }],
  );
}

/** Events of the vehicle are numbered together, over boots and restarts. */
function checkNumbers(tally: DayTally, { heard }: VehicleJudgeParts): void {
  const numbers = heard.records
    .flatMap(({ record }) => [
      record.trip?.number ??
        record.vehicleStateChange?.number ??
        record.wake?.number ??
        record.fenceEvent?.number ??
        record.privacyChange?.number,
    ])
    .flatMap((number) => number ?? [])
    .sort((a, b) => a - b);
  for (const [at, number] of numbers.entries()) {
    tally.check(at === 0 || number > numbers[at - 1], () => `event ${number} came twice`);
  }
}

type Moment = { readonly fromMs: number; readonly toMs: number; readonly metres: number };

function beginOf({ fromMs }: PlannedTrip): Omit<Moment, "metres"> {
  return { fromMs: fromMs - EARLY_MS, toMs: fromMs + ON_WITHIN_MS };
}

function endOf({ toMs }: PlannedTrip): Omit<Moment, "metres"> {
  return { fromMs: toMs - EARLY_MS, toMs: toMs + OFF_WITHIN_MS };
}

function checkMoment(tally: DayTally, plan: DayPlan, what: string, { trip, trueMs }: Told, right: Moment): void {
  tally.check(trueMs >= right.fromMs && trueMs <= right.toMs, () => {
    return `${what} at ${timeOf(plan.startsAtMs, trueMs)}, not between ${timeOf(plan.startsAtMs, right.fromMs)} and ${timeOf(plan.startsAtMs, right.toMs)}`;
  });
  const metres = (trip.odometerKm ?? Number.NaN) * 1000;
  tally.check(Math.abs(metres - right.metres) <= ODOMETER_METRES, () => `${what} at ${metres} m, not ${right.metres}`);
}
