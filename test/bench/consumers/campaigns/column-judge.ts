import type { VehicleSignal } from "../../vehicle/vehicle-dbc.ts";
import { columnKey, type Got } from "./campaign-evidence.ts";
import type { CampaignTally } from "./campaign-verdict.ts";
import { keyOf, type Sampling } from "./chosen-signals.ts";
import { type Sample, shownOf } from "./received-frames.ts";
import { changesOf, curveProblems, everyOf } from "./sampling-model.ts";
import { aggregatesOf, type Expected, expectedOf, latestOf } from "./window-model.ts";

/** Relative difference of two sums of the same numbers in another order. */
const ROUNDING = 1e-9;

/** Stretches of samples that a sampler gets one after the other, closed after each. Samples taken are remembered from one to the next. */
export type Stretches = readonly (readonly Sample[])[];

/** Judges what came of one sampling of one signal. Those of cells are judged by their reports. */
export function judgeColumn(sampling: Sampling, stretches: Stretches, got: readonly Got[], tally: CampaignTally): void {
  const { entry, source } = sampling;
  const name = columnNameOf(sampling);
  if (entry.mode === "curve") {
    judgeCurves(entry, stretches, got, { name, tally });
    return;
  }
  const signal = source.kind === "vehicle" ? source.signal : undefined;
  compare(expectedOfSampling(sampling, stretches), got, { name, signal, tally });
}

/** Key of the column that a sampling leads to; undefined where it leads to cells. */
export function columnOf({ entry, aggregate, source }: Sampling): string | undefined {
  switch (entry.mode) {
    case "duration":
    case "histogram":
    case "counter":
    case "off":
      return undefined;
    case "aggregate":
      return columnKey(keyOf(source), aggregate ?? "", "windowMs" in entry.over ? entry.over.windowMs * 1000 : 0);
    default:
      return columnKey(keyOf(source), "", 0);
  }
}

function columnNameOf(sampling: Sampling): string {
  return `${keyOf(sampling.source)} ${sampling.aggregate ?? sampling.entry.mode}`;
}

function expectedOfSampling({ entry, aggregate }: Sampling, stretches: Stretches): readonly Expected[] {
  switch (entry.mode) {
    case "every":
      return everyOf(stretches.flat(), entry.ms).map(expectedOf);
    case "on-change":
      return changesOf(stretches.flat(), entry).map(expectedOf);
    case "latest":
      return stretches.flatMap((one) => latestOf(one, entry.windowMs * 1000));
    case "aggregate": {
      if (aggregate === undefined) return [];
      const windowUs = "windowMs" in entry.over ? entry.over.windowMs * 1000 : Number.POSITIVE_INFINITY;
      return stretches.flatMap((one) => aggregatesOf(aggregate, one, windowUs));
    }
    default:
      return [];
  }
}

type Context = { readonly name: string; readonly tally: CampaignTally };

function judgeCurves(
  entry: Extract<Sampling["entry"], { mode: "curve" }>,
  stretches: Stretches,
  got: readonly Got[],
  { name, tally }: Context,
): void {
  const inside = (samples: readonly Sample[], timeUs: number): boolean =>
    samples.length > 0 && timeUs >= samples[0].timeUs && timeUs <= samples[samples.length - 1].timeUs;
  for (const samples of stretches) {
    const taken = got
      .filter(({ timeUs }) => inside(samples, timeUs))
      .map(({ timeUs, physical }) => ({ timeUs, physical: Number(physical) }))
      .sort((a, b) => a.timeUs - b.timeUs);
    const problems = curveProblems(samples, taken, entry);
    tally.right(Math.max(0, samples.length - problems.length));
    for (const problem of problems) tally.wrong(`${name} ${problem}`);
  }
  const strays = got.filter(({ timeUs }) => !stretches.some((samples) => inside(samples, timeUs)));
  for (const { timeUs } of strays) tally.wrong(`${name} at ${timeUs}: outside of the time in which it collects`);
}

/** Each expected one must have come exactly once, and nothing else. */
function compare(
  expected: readonly Expected[],
  got: readonly Got[],
  { name, signal, tally }: Context & { readonly signal: VehicleSignal | undefined },
): void {
  const left = Map.groupBy(got, ({ timeUs }) => timeUs);
  for (const one of expected) {
    const candidates = left.get(one.timeUs) ?? [];
    const found = candidates.findIndex((candidate) => isSame(one, candidate, signal));
    if (found >= 0) {
      candidates.splice(found, 1);
      tally.right(1);
      continue;
    }
    const [other] = candidates.splice(0, 1);
    const came = other === undefined ? "nothing came" : `${other.physical} came`;
    tally.wrong(`${name} at ${one.timeUs}: must be ${one.value}, ${came}`);
  }
  for (const { timeUs, physical } of [...left.values()].flat())
    tally.wrong(`${name} at ${timeUs}: ${physical} came, and nothing should`);
}

function isSame(expected: Expected, got: Got, signal: VehicleSignal | undefined): boolean {
  if (expected.sample === undefined || signal === undefined) return isClose(expected.value, Number(got.physical));
  if (got.raw !== undefined) return isEqual(expected.sample.raw, got.raw);
  return isEqual(shownOf(expected.sample, signal), got.physical);
}

/** JSON has no -0, and NaN is not itself. */
function isEqual(one: number | bigint, other: number | bigint): boolean {
  return one === other || (Number.isNaN(one) && Number.isNaN(other));
}

function isClose(one: number, other: number): boolean {
  return Math.abs(one - other) <= ROUNDING * Math.max(1, Math.abs(one)) || Object.is(one, other);
}
