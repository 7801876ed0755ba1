import { physicalOf } from "../signals/codec/signal-value.ts";
import type { LatestValue } from "../signals/latest-signals.ts";
import { stateOf } from "../signals/signal-states.ts";
import { textOf } from "../signals/value-texts.ts";
import type { CampaignDerived } from "../telemetry/campaigns/run/campaign-set.ts";
import { type DescribedSignal, followSamples, type Sample, type SamplesLine } from "./samples-schema.ts";
import { derivedMatches, indexesOf, plain, type SignalsParts } from "./signals-handlers.ts";
import type { ServedVerb } from "./verb.ts";

/** A line without samples says that the agent is there, ms. */
const QUIET_MS = 1000;

/** `signals.samples`: what is new since the line before. Costs nothing while nobody follows. */
export function samplesHandler(parts: SignalsParts): ServedVerb {
  return followSamples.answeredBy((request, signal) => follow(request, parts, signal));
}

async function* follow(
  { patterns, intervalMs }: { readonly patterns: readonly string[]; readonly intervalMs: number },
  { latest, derived, signals, clock }: SignalsParts,
  signal: AbortSignal,
): AsyncGenerator<SamplesLine> {
  const matching = signals.matching(patterns);
  const release = signals.hold("signals.samples", matching);
  const news = new SampleNews(patterns, indexesOf(matching));
  let quietSinceMs = clock.monotonicMs();
  try {
    while (!signal.aborted) {
      const line = news.since(latest(), derived(), clock.wallUs());
      const nowMs = clock.monotonicMs();
      if (line.samples.length > 0 || nowMs - quietSinceMs >= QUIET_MS) {
        quietSinceMs = nowMs;
        yield line;
      }
      await clock.sleep(intervalMs, signal);
    }
  } finally {
    release();
  }
}

/** What was told of one signal: what it is called, and the time of its last sample. */
type Told = { readonly n: number; timeUs: number };

/** Tells apart what is new at each look. */
class SampleNews {
  readonly #patterns: readonly string[];
  readonly #wanted: ReadonlySet<number>;
  /** Signals of one sender by their position in the table, others by that and their addresses; undefined for those that no pattern matches. */
  readonly #told = new Map<number | string, Told | undefined>();
  #count = 0;

  /** `wanted`: the signals that the patterns match, by their places in the table. */
  constructor(patterns: readonly string[], wanted: ReadonlySet<number>) {
    this.#patterns = patterns;
    this.#wanted = wanted;
  }

  since(latest: readonly LatestValue[], derived: readonly CampaignDerived[], nowUs: number): SamplesLine {
    const found: DescribedSignal[] = [];
    const samples: Sample[] = [];
    for (const value of latest) {
      const told = this.#find(keyOf(value), () => this.#describe(value, found));
      if (told === undefined || told.timeUs === value.timeUs) continue;
      told.timeUs = value.timeUs;
      samples.push(sampleOf(told.n, value, nowUs));
    }
    for (const one of derived) {
      const told = this.#find(`${one.campaign}/${one.name}`, () => this.#describeDerived(one, found));
      if (told === undefined || told.timeUs === one.timeUs) continue;
      told.timeUs = one.timeUs;
      samples.push([told.n, afterMs(one.timeUs, nowUs), plain(one.value)]);
    }
    const described = found.length === 0 ? {} : { signals: found };
    return { schemaVersion: 1, t: nowUs / 1e6, ...described, samples };
  }

  #find(key: number | string, describe: () => Told | undefined): Told | undefined {
    const known = this.#told.get(key);
    if (known !== undefined || this.#told.has(key)) return known;
    const told = describe();
    this.#told.set(key, told);
    return told;
  }

  #describe({ signal, origin }: LatestValue, found: DescribedSignal[]): Told | undefined {
    if (!this.#wanted.has(signal.index)) return undefined;
    const { bus, message: of, arbitrationId: id, extended, name, unit } = signal;
    const addresses = origin === undefined ? {} : { source: origin.source, destination: origin.destination };
    found.push({ n: this.#count, bus, of, id, extended, name, unit, ...addresses });
    return this.#next();
  }

  #describeDerived(one: CampaignDerived, found: DescribedSignal[]): Told | undefined {
    if (!derivedMatches(this.#patterns, one)) return undefined;
    found.push({ n: this.#count, of: one.campaign, name: one.name, unit: one.unit });
    return this.#next();
  }

  #next(): Told {
    const told = { n: this.#count, timeUs: Number.NaN };
    this.#count += 1;
    return told;
  }
}

function keyOf({ signal, origin }: LatestValue): number | string {
  return origin === undefined ? signal.index : `${signal.index} ${origin.source} ${origin.destination ?? ""}`;
}

function sampleOf(n: number, { signal, raw, timeUs }: LatestValue, nowUs: number): Sample {
  const value = stateOf(signal.states, raw) ?? plain(physicalOf(raw, signal));
  const text = textOf(signal.texts, raw);
  const ms = afterMs(timeUs, nowUs);
  return text === undefined ? [n, ms, value] : [n, ms, value, text];
}

/** ms from `nowUs` to `timeUs`, to a tenth. */
function afterMs(timeUs: number, nowUs: number): number {
  return Math.round((timeUs - nowUs) / 100) / 10;
}
