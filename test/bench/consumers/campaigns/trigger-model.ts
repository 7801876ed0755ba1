import type { CampaignDocument } from "../../../../config/campaign.ts";

type Settings = Pick<
  NonNullable<CampaignDocument["trigger"]>,
  "mode" | "forMs" | "minIntervalMs" | "maxCount" | "release"
>;

/** What condition and release were at one moment; `at` is the place of the first frame that sees what follows of it. */
export type Moment = {
  readonly at: number;
  readonly timeUs: number;
  readonly condition: boolean | undefined;
  readonly release: boolean | undefined;
  /** What the condition read. */
  readonly values: Readonly<Record<string, number>>;
};

/** A trigger that must have fired, and where mode "while" ends it; undefined where the drive ends first. */
export type Firing = {
  readonly begin: Moment;
  readonly end: Moment | undefined;
};

/**
 * When a trigger must fire, worked out in one go over a whole drive. Rising: at each change to true that has lasted for `forMs`, after the
 * condition was false (and the release true). While: the condition lasts, and may begin late because of the least interval.
 */
export function firingsOf(moments: readonly Moment[], settings: Settings): readonly Firing[] {
  return settings.mode === "rising" ? risings(moments, settings) : whiles(moments, settings);
}

/** Spans of moments in which the condition is true without a break, each with the moment that ends it. */
function truths(moments: readonly Moment[]): readonly { readonly first: number; readonly end: number }[] {
  const spans: { first: number; end: number }[] = [];
  moments.forEach(({ condition }, index) => {
    if (condition !== true) return;
    const last = spans.at(-1);
    if (last?.end === index) last.end = index + 1;
    else spans.push({ first: index, end: index + 1 });
  });
  return spans;
}

function risings(moments: readonly Moment[], { forMs, minIntervalMs, maxCount, release }: Settings): readonly Firing[] {
  const firings: Firing[] = [];
  /** Places of the moments at which a change to true was last used up, and at which it last fired. */
  let usedAt = -1;
  let firedAt = -1;
  for (const { first, end } of truths(moments)) {
    const releasedAt =
      release === undefined || firedAt < 0
        ? 0
        : moments.findIndex((moment, index) => index >= firedAt && moment.release === true);
    if (usedAt >= 0) {
      const since = moments.slice(Math.max(usedAt, releasedAt), first);
      if (releasedAt < 0 || !since.some(({ condition }) => condition === false)) continue;
    }
    const readyUs = moments[first].timeUs + forMs * 1000;
    const ready = moments.findIndex(({ timeUs }, index) => index >= first && timeUs >= readyUs);
    if (ready < 0 || ready > end) continue;
    usedAt = forMs === 0 ? first : ready - 1;
    const lastUs = firings.at(-1)?.begin.timeUs ?? Number.NEGATIVE_INFINITY;
    if (readyUs - lastUs < minIntervalMs * 1000 || firings.length >= (maxCount ?? Number.POSITIVE_INFINITY)) continue;
    firedAt = usedAt;
    firings.push({ begin: { ...moments[ready], timeUs: readyUs, values: moments[usedAt].values }, end: undefined });
  }
  return firings;
}

function whiles(moments: readonly Moment[], { forMs, minIntervalMs, maxCount, release }: Settings): readonly Firing[] {
  const firings: Firing[] = [];
  let trueSinceUs: number | undefined;
  let begun: Moment | undefined;
  let lastUs = Number.NEGATIVE_INFINITY;
  for (const moment of moments) {
    if (begun === undefined && trueSinceUs !== undefined && firings.length < (maxCount ?? Number.POSITIVE_INFINITY)) {
      const readyUs = Math.max(trueSinceUs + forMs * 1000, lastUs + minIntervalMs * 1000);
      if (readyUs <= moment.timeUs) begun = { ...moment, timeUs: readyUs };
      if (begun !== undefined) lastUs = readyUs;
    }
    if (moment.condition === true) {
      trueSinceUs ??= moment.timeUs;
      const isReady = forMs === 0 && moment.timeUs >= lastUs + minIntervalMs * 1000;
      if (begun === undefined && isReady && firings.length < (maxCount ?? Number.POSITIVE_INFINITY)) {
        begun = moment;
        lastUs = moment.timeUs;
      }
      continue;
    }
    trueSinceUs = undefined;
    if (begun === undefined) continue;
    if (release !== undefined && moment.condition === false && moment.release !== true) continue;
    firings.push({ begin: begun, end: moment });
    begun = undefined;
  }
  return begun === undefined ? firings : [...firings, { begin: begun, end: undefined }];
}
