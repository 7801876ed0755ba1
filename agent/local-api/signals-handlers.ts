import type { Clock } from "../core/clock.ts";
import { physicalOf } from "../signals/codec/signal-value.ts";
import type { LatestSignals, LatestValue } from "../signals/latest-signals.ts";
import { precisionOf } from "../signals/shown-precision.ts";
import type { SignalEntry } from "../signals/signal-entry.ts";
import { matchesPattern } from "../signals/signal-patterns.ts";
import { stateOf } from "../signals/signal-states.ts";
import { textOf } from "../signals/value-texts.ts";
import type { CampaignDerived } from "../telemetry/campaigns/run/campaign-set.ts";
import { type SignalsSnapshot, watchSignals } from "./signals-schema.ts";
import type { ServedVerb } from "./verb.ts";

/** How often `watch` sends the latest values. */
const WATCH_INTERVAL_MS = 500;

export type SignalsParts = {
  readonly latest: () => readonly LatestValue[];
  /** Of the campaigns. */
  readonly derived: () => readonly CampaignDerived[];
  readonly signals: Pick<LatestSignals, "matching" | "near" | "hold">;
  readonly clock: Clock;
};

/** `watch`: the latest values, over time. While somebody watches them, signals are decoded that nobody else wants. */
export function signalsHandlers({ latest, derived, signals, clock }: SignalsParts): readonly ServedVerb[] {
  const look = sharedLook(latest, clock);
  return [
    watchSignals.answeredBy(({ patterns }, signal) => watch(patterns, { look, derived, signals, clock }, signal)),
  ];
}

type WatchParts = Pick<SignalsParts, "derived" | "signals" | "clock"> & { readonly look: () => Look };

async function* watch(
  patterns: readonly string[],
  { look, derived, signals, clock }: WatchParts,
  signal: AbortSignal,
): AsyncGenerator<SignalsSnapshot> {
  const matching = signals.matching(patterns);
  const wanted = indexesOf(matching);
  const meant = patterns.map((pattern) => ({ pattern, indexes: indexesOf(signals.matching([pattern])) }));
  const strange = meant.flatMap(({ pattern, indexes }) =>
    indexes.size > 0 ? [] : [{ pattern, near: signals.near(pattern) }],
  );
  const release = signals.hold("signals watch", matching);
  try {
    while (!signal.aborted) {
      const { atUs, rows } = look();
      const chosen = rows.filter(({ signal }) => wanted.has(signal.index));
      const worked = derived().filter((one) => derivedMatches(patterns, one));
      const unmatched = strange.filter(({ pattern }) => !worked.some((one) => derivedMatches([pattern], one)));
      const silent = meant.flatMap(({ pattern, indexes }) => {
        if (indexes.size === 0 || chosen.some(({ signal }) => indexes.has(signal.index))) return [];
        return worked.some((one) => derivedMatches([pattern], one)) ? [] : [pattern];
      });
      yield {
        schemaVersion: 1,
        t: atUs / 1e6,
        signals: chosen.map(({ row }) => row),
        derived: worked.map((one) => derivedRow(one, clock.wallUs())),
        matched: matching.length + worked.length,
        ...(unmatched.length > 0 && { unmatched }),
        ...(silent.length > 0 && { silent }),
      };
      await clock.sleep(WATCH_INTERVAL_MS, signal);
    }
  } finally {
    release();
  }
}

/** Places in the table of signals: patterns are looked at once, not again at each look. */
export function indexesOf(signals: readonly SignalEntry[]): ReadonlySet<number> {
  return new Set(signals.map(({ index }) => index));
}

/** Whether one of `patterns`, over NAME or CAMPAIGN/NAME, means a derived signal; without patterns all are meant. */
export function derivedMatches(patterns: readonly string[], { campaign, name }: CampaignDerived): boolean {
  if (patterns.length === 0) return true;
  return patterns.some((pattern) => matchesPattern(pattern, pattern.includes("/") ? `${campaign}/${name}` : name));
}

function derivedRow({ campaign, name, unit, value, timeUs }: CampaignDerived, nowUs: number): DerivedRow {
  return { campaign, name, unit, value: plain(value), ageMs: (nowUs - timeUs) / 1000 };
}

type Row = SignalsSnapshot["signals"][number];
type DerivedRow = SignalsSnapshot["derived"][number];

/** All signals with their values at one moment, as clients get them. */
type Look = {
  readonly atUs: number;
  readonly rows: readonly { readonly signal: LatestValue["signal"]; readonly row: Row }[];
};

/** One look at the signals for all who watch, so that its cost does not grow with their number. */
function sharedLook(latest: SignalsParts["latest"], clock: Clock): () => Look {
  let last: { readonly look: Look; readonly atMs: number } | undefined;
  return () => {
    const atMs = clock.monotonicMs();
    if (last !== undefined && atMs - last.atMs < WATCH_INTERVAL_MS / 2) return last.look;
    const atUs = clock.wallUs();
    const rows = latest().map((value) => ({ signal: value.signal, row: latestRow(value, atUs) }));
    last = { look: { atUs, rows }, atMs };
    return last.look;
  };
}

function latestRow({ signal, origin, raw, timeUs, count }: LatestValue, nowUs: number): Row {
  const { bus, message, name, unit, arbitrationId: id, extended } = signal;
  const state = stateOf(signal.states, raw);
  return {
    bus,
    message,
    id,
    extended,
    name,
    unit,
    source: origin?.source,
    destination: origin?.destination,
    raw: plain(raw),
    physical: state === undefined ? plain(physicalOf(raw, signal)) : undefined,
    state,
    text: textOf(signal.texts, raw),
    vss: signal.vss.length === 0 ? undefined : signal.vss.map(({ path }) => path),
    ageMs: (nowUs - timeUs) / 1000,
    count,
    ...precisionOf(signal),
  };
}

/** A value for JSON, which has no wide integers and no NaN. */
export function plain(value: number | bigint): number | string {
  return typeof value === "number" && Number.isFinite(value) ? value : String(value);
}
