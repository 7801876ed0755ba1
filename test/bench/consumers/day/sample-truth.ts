import type { DayPlan } from "../../day/day-plan.ts";
import type { Timeline } from "../../day/timeline.ts";
import { type Van, vanAt } from "../../day/van-drive.ts";
import type { SampleColumn } from "../sample-judge.ts";
import type { Heard } from "./day-records.ts";
import { DayTally, type DayVerdict, timeOf } from "./day-verdict.ts";

/** A round of the van's frames. */
const ROUND_MS = 100;
const STAMP_MS = 0.005;

/** A boot of the gateway that the bench made. */
export type BootFacts = {
  readonly bootId: string;
  readonly atMs: number;
  readonly clockMs: number | undefined;
  readonly setMs: number;
};

export type TruthParts = {
  readonly plan: DayPlan;
  readonly line: Timeline;
  readonly boots: readonly BootFacts[];
  readonly heard: Heard;
};

/** What is to be said of samples; `rounds` of them, each once, came. */
export type SampleTruth = {
  readonly verdicts: readonly DayVerdict[];
  readonly samples: number;
  readonly rounds: number;
};

/** Judges each sample of the van's signals by the van's own model, at the time that it says; and that no round of a trip is missing or twice. */
export function judgeSamples(parts: TruthParts): SampleTruth {
  const values = new DayTally("samples");
  const rounds = new Map<number, number>();
  let samples = 0;
  for (const { record } of parts.heard.records) {
    if (record.body !== "samples" || record.samples?.campaign !== null) continue;
    const columns = parts.heard.columns(record);
    if (columns === undefined) {
      values.check(false, () => `record ${record.seq} came without its signal table`);
      continue;
    }
    const boot = parts.boots.find(({ bootId }) => bootId === record.bootId);
    samples += columns.reduce((sum, { values: { length } }) => sum + length, 0);
    // Doors are told by their unit, and positions by a receiver: others judge them.
    for (const column of columns.filter(({ signal }) => signal.message.startsWith("Van"))) {
      for (const [at, timeUs] of column.timesUs.entries()) {
        const trueMs = boot === undefined ? undefined : roundOf(trueMsOf(parts, boot, timeUs / 1000));
        const raw = Number(column.values[at]);
        if (column.signal.name === "SinceStart") rounds.set(raw, (rounds.get(raw) ?? 0) + 1);
        // A message's counter says nothing of the plan.
        if (column.signal.name === "Counter") continue;
        const expected = trueMs === undefined ? undefined : rawOf(column, vanAt(parts.plan, trueMs), trueMs);
        values.check(expected === raw, () => {
          const when = trueMs === undefined ? "no time of its boot" : timeOf(parts.plan.startsAtMs, trueMs);
          return `${column.signal.message}.${column.signal.name} at ${when}: ${raw}, not ${expected}`;
        });
      }
    }
  }
  const what = `${samples.toLocaleString("en-US")} samples, each by the van's own model at the time that it says`;
  return { verdicts: [values.verdict(what), judgeRounds(parts, rounds)], samples, rounds: rounds.size };
}

/** The round that a time is of; undefined where nothing was sent then. Clocks are read to the µs. */
function roundOf(trueMs: number | undefined): number | undefined {
  if (trueMs === undefined) return undefined;
  const roundMs = Math.round(trueMs / ROUND_MS) * ROUND_MS;
  return Math.abs(roundMs - trueMs) < STAMP_MS ? roundMs : undefined;
}

/** The vehicle time of what a clock of the boot shows; undefined where no clock of it could show that. */
function trueMsOf({ line, plan }: TruthParts, boot: BootFacts, wallMs: number): number | undefined {
  const right = wallMs - line.startsAtMs;
  if (boot.clockMs !== undefined) {
    const wrong = wallMs - boot.clockMs + boot.atMs;
    if (wrong >= boot.atMs - ROUND_MS && wrong <= boot.setMs + ROUND_MS) return wrong;
  }
  return right >= boot.atMs - ROUND_MS && right <= plan.lengthMs + ROUND_MS ? right : undefined;
}

/** What a signal of the plan has as its raw value; undefined for one that is no such. */
function rawOf({ signal }: SampleColumn, van: Van, trueMs: number): number | undefined {
  switch (`${signal.message}.${signal.name}`) {
    case "VanTime.SinceStart":
      return Math.round(trueMs * 1000);
    case "VanMotion.Speed":
      return Math.round(van.speedKph * 100);
    case "VanMotion.Odometer":
      return Math.round(van.odometerMetres);
    case "VanBody.Ignition":
      return van.ignition ? 1 : 0;
    case "VanBody.HardBrake":
      return van.brakesHard ? 1 : 0;
    case "VanBody.Charge":
      return Math.round(van.chargePercent * 2);
    case "VanBody.Supply":
      return van.ignition ? 14_100 : 12_600;
    default:
      return undefined;
  }
}

function judgeRounds({ plan }: TruthParts, rounds: ReadonlyMap<number, number>): DayVerdict {
  const tally = new DayTally("rounds");
  for (const { fromMs, toMs } of plan.trips) {
    for (let round = Math.ceil(fromMs / ROUND_MS); round * ROUND_MS < toMs; round += 1) {
      const times = rounds.get(round * ROUND_MS * 1000) ?? 0;
      tally.check(times === 1, () => `frames at ${timeOf(plan.startsAtMs, round * ROUND_MS)} came ${times} times`);
    }
  }
  return tally.verdict(`of ${plan.trips.length} trips, each sent once and to be found once`);
}
