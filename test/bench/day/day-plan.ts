import { fileURLToPath } from "node:url";
import { AgentError } from "../../../agent/core/errors.ts";
import { loadYamlFile } from "../../../config/load.ts";
import { type DayFile, dayFile } from "./day-file.ts";
import { LEG_MS, legMetres } from "./legs.ts";

const DAYS = fileURLToPath(new URL("./days/", import.meta.url));
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** Before the ignition, and after it, frames are on the bus. */
export const WAKING_MS = 5000;
const RUN_DOWN_MS = 45_000;
/** So long the bus stays awake when power comes back, and when the doors are unlocked from afar. */
const BUSY_MS = 60_000;

/** Vehicle time, ms since the day's start. */
export type DaySpan = { readonly fromMs: number; readonly toMs: number };

/** One trip as it must be found again. Metres are along the road from home, and of the odometer. */
export type PlannedTrip = DaySpan & {
  readonly legs: number;
  readonly sign: 1 | -1;
  readonly startMetres: number;
  readonly startOdometerMetres: number;
  readonly metres: number;
  readonly tunnels: readonly DaySpan[];
  readonly roaming: readonly DaySpan[];
  readonly brakesMs: readonly number[];
};

/** A boot of the gateway. `clockMs` is what its clock shows, ms since the Unix epoch, until `setMs`; undefined for one that is right. */
export type PlannedBoot = { readonly atMs: number; readonly clockMs: number | undefined; readonly setMs: number };

/** A day with its times worked out. */
export type DayPlan = {
  readonly name: string;
  readonly file: DayFile;
  /** Time of day of the start, ms. */
  readonly startsAtMs: number;
  readonly lengthMs: number;
  readonly boots: readonly PlannedBoot[];
  readonly trips: readonly PlannedTrip[];
  readonly updatesMs: readonly number[];
  readonly unlocksMs: readonly number[];
  readonly uploadsMs: readonly number[];
  /** When frames are on the bus. */
  readonly awake: readonly DaySpan[];
};

/** Reads a day: the name of one that comes with the bench ("van", "short"), or a file. Throws `config.invalid` and `config.missing`. */
export async function loadDay(day: string): Promise<DayPlan> {
  const path = /^[a-z]+$/.test(day) ? `${DAYS}${day}.yaml` : day;
  return planOf((await loadYamlFile(path, dayFile)).value);
}

/** Works the times of a day out. Throws `config.invalid` when its events do not fit together. */
export function planOf(file: DayFile): DayPlan {
  const startsAtMs = ofDay(file.startsAt);
  let lastMs = 0;
  const timed = file.events.map((event) => {
    lastMs = after(event.at, startsAtMs, lastMs);
    return { event, atMs: lastMs };
  });
  const lengthMs = after(file.endsAt, startsAtMs, lastMs + 1);
  const trips = tripsOf(timed);
  const boots = timed.flatMap(({ event, atMs }) => (event.kind === "boot" ? [bootOf(event, atMs)] : []));
  const atOf = (kind: DayFile["events"][number]["kind"]): number[] =>
    timed.flatMap(({ event, atMs }) => (event.kind === kind ? [atMs] : []));
  const unlocksMs = atOf("unlock");
  if (boots[0]?.atMs !== 0) throw cannotPlay(file, "the first event must be a boot at startsAt");
  for (const [at, trip] of trips.entries()) {
    if (trip.fromMs < (trips[at - 1]?.toMs ?? 0)) throw cannotPlay(file, `trip ${at + 1} begins in another`);
    if (trip.toMs > lengthMs) throw cannotPlay(file, `trip ${at + 1} does not end before endsAt`);
  }
  const awake = merged([
    ...trips.map(({ fromMs, toMs }) => ({ fromMs: Math.max(0, fromMs - WAKING_MS), toMs: toMs + RUN_DOWN_MS })),
    ...[...boots.map(({ atMs }) => atMs), ...unlocksMs].map((fromMs) => ({ fromMs, toMs: fromMs + BUSY_MS })),
  ]);
  return {
    name: file.name,
    file,
    startsAtMs,
    lengthMs,
    boots,
    trips,
    updatesMs: atOf("update"),
    unlocksMs,
    uploadsMs: atOf("upload"),
    awake,
  };
}

function cannotPlay({ name }: DayFile, why: string): AgentError {
  return new AgentError("config.invalid", { what: `day ${name}: ${why}`, remedy: "change the times of its events" });
}

/** Whether a moment is in one of the spans. */
export function isIn(spans: readonly DaySpan[], ms: number): boolean {
  return spans.some(({ fromMs, toMs }) => fromMs <= ms && ms < toMs);
}

type Timed = { readonly event: DayFile["events"][number]; readonly atMs: number };

function tripsOf(timed: readonly Timed[]): readonly PlannedTrip[] {
  let startMetres = 0;
  let startOdometerMetres = 48_211_000;
  return timed.flatMap(({ event, atMs }) => {
    if (event.kind !== "trip") return [];
    const sign = event.direction === "out" ? 1 : -1;
    const metres = legMetres(event.legs);
    const spanOf = (one: { readonly fromMinute: number; readonly minutes: number }): DaySpan => {
      const fromMs = atMs + one.fromMinute * MINUTE_MS;
      return { fromMs, toMs: fromMs + one.minutes * MINUTE_MS };
    };
    const trip: PlannedTrip = {
      fromMs: atMs,
      toMs: atMs + event.legs * LEG_MS,
      legs: event.legs,
      sign,
      startMetres,
      startOdometerMetres,
      metres,
      tunnels: event.tunnels.map(spanOf),
      roaming: event.roaming.map(spanOf),
      brakesMs: event.brakes.map((minute) => atMs + minute * MINUTE_MS),
    };
    startMetres += sign * metres;
    startOdometerMetres += metres;
    return [trip];
  });
}

function bootOf(event: Extract<DayFile["events"][number], { kind: "boot" }>, atMs: number): PlannedBoot {
  const clockMs = event.clock === undefined ? undefined : Date.parse(event.clock);
  return { atMs, clockMs, setMs: atMs + event.setAfterMinutes * MINUTE_MS };
}

function ofDay(text: string): number {
  const [hours = 0, mins = 0, seconds = 0] = text.split(":").map(Number);
  return ((hours * 60 + mins) * 60 + seconds) * 1000;
}

/** The first moment at a time of day that is not before `leastMs`. */
function after(text: string, startsAtMs: number, leastMs: number): number {
  let ms = ofDay(text) - startsAtMs;
  while (ms < leastMs) ms += DAY_MS;
  return ms;
}

function merged(spans: readonly DaySpan[]): readonly DaySpan[] {
  const result: DaySpan[] = [];
  for (const span of spans.toSorted((a, b) => a.fromMs - b.fromMs)) {
    const last = result.at(-1);
    if (last === undefined || span.fromMs > last.toMs) result.push(span);
    else result[result.length - 1] = { fromMs: last.fromMs, toMs: Math.max(last.toMs, span.toMs) };
  }
  return result;
}
