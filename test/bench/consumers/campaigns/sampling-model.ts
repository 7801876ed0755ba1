import type { CampaignDocument } from "../../../../config/campaign.ts";
import type { Sample } from "./received-frames.ts";

type Entry = CampaignDocument["collect"][number];
type OnChange = Extract<Entry, { mode: "on-change" }>;
type Curve = Extract<Entry, { mode: "curve" }>;

/** The samples that "every" takes: the first, and each at least `ms` after the last one taken. */
export function everyOf(samples: readonly Sample[], ms: number): readonly Sample[] {
  const taken: Sample[] = [];
  for (const sample of samples) {
    const last = taken.at(-1);
    if (last === undefined || sample.timeUs - last.timeUs >= ms * 1000) taken.push(sample);
  }
  return taken;
}

/** The samples that "on-change" takes: each that differs from the last one taken, by more than the deadband where there is one. */
export function changesOf(samples: readonly Sample[], { atLeastEveryMs, deadband }: OnChange): readonly Sample[] {
  const taken: Sample[] = [];
  for (const sample of samples) {
    const last = taken.at(-1);
    const isDue =
      last === undefined || (atLeastEveryMs !== undefined && sample.timeUs - last.timeUs >= atLeastEveryMs * 1000);
    if (isDue || isChange(last, sample, deadband)) taken.push(sample);
  }
  return taken;
}

function isChange(last: Sample, now: Sample, deadband: OnChange["deadband"]): boolean {
  if (deadband === undefined) return !Object.is(last.raw, now.raw);
  const least = "absolute" in deadband ? deadband.absolute : (Math.abs(last.physical) * deadband.percent) / 100;
  return Math.abs(now.physical - last.physical) > least;
}

/** How far a sample may wait beyond `maxDelayMs`: until the next tick or sample, µs. */
const DELAY_SLACK_US = 1_500_000;
/** Of an error that is worked out in float64, relative to the values. */
const ROUNDING = 1e-9;

/**
 * What is wrong with the samples that "curve" took of these: each must be one of them, every other must lie within `maxError` of the line
 * between those around it, and none may have waited too long. The first and the last are always taken.
 */
export function curveProblems(
  samples: readonly Sample[],
  taken: readonly { readonly timeUs: number; readonly physical: number }[],
  { maxError, maxDelayMs }: Curve,
): readonly string[] {
  const problems: string[] = [];
  const known = Map.groupBy(samples, ({ timeUs }) => timeUs);
  for (const { timeUs, physical } of taken) {
    const isThere = known.get(timeUs)?.some((one) => Math.abs(one.physical - physical) <= rounding(physical));
    if (isThere !== true) problems.push(`at ${timeUs}: ${physical} was not sent`);
  }
  const ends = [samples[0], samples[samples.length - 1]];
  for (const end of ends) {
    if (end !== undefined && !taken.some(({ timeUs }) => timeUs === end.timeUs))
      problems.push(`at ${end.timeUs}: the sample at the end of the line is missing`);
  }
  let next = 0;
  for (let at = 1; at < taken.length; at++) {
    const [from, to] = [taken[at - 1], taken[at]];
    while (next < samples.length && samples[next].timeUs <= from.timeUs) next += 1;
    const first = samples[next];
    if (first !== undefined && to.timeUs - first.timeUs > maxDelayMs * 1000 + DELAY_SLACK_US)
      problems.push(
        `at ${to.timeUs}: came ${(to.timeUs - first.timeUs) / 1000} ms after the first sample it stands for`,
      );
    for (; next < samples.length && samples[next].timeUs < to.timeUs; next++) {
      const { timeUs, physical } = samples[next];
      const share = (timeUs - from.timeUs) / (to.timeUs - from.timeUs);
      const error = Math.abs(from.physical + (to.physical - from.physical) * share - physical);
      if (error > maxError + rounding(physical)) problems.push(`at ${timeUs}: ${error} from the line`);
    }
  }
  return problems;
}

function rounding(physical: number): number {
  return ROUNDING * Math.max(1, Math.abs(physical));
}
