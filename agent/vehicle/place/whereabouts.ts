import type { Clock } from "../../core/clock.ts";
import type { Position } from "../../telemetry/record/encode/trigger.ts";
import type { Fix } from "./fix.ts";
import { timeOfFix } from "./fix-time.ts";
import type { LocationSignals } from "./location-signals.ts";
import type { PlaceGate } from "./place-gate.ts";
import type { PositionSink, PositionSource, SourceCounters, SourceState } from "./position-source.ts";
import { SourceChoice, type SourceChoiceSettings } from "./source-choice.ts";

/** How often it is looked whether the newest fix has grown old, or may be told no more. */
const LOOK_MS = 1000;
/** Troubles of a source that are told until it is up again. */
const MAX_TROUBLES = 10;

/** `everyMs`: least time between two fixes that become signals, ms; 0 for each. */
export type WhereaboutsSettings = SourceChoiceSettings & { readonly everyMs: number };

export type WhereaboutsParts = {
  /** In the order of preference. */
  readonly sources: readonly PositionSource[];
  readonly gate: PlaceGate;
  readonly signals: LocationSignals;
  readonly settings: WhereaboutsSettings;
  readonly clock: Clock;
  /** A source is doing differently; each trouble comes once until the source is up again. `what` has no position. */
  readonly onState: (source: string, state: SourceState, what: string) => void;
};

/** A fix with what is right of its time, and when it came: ms of the time since the boot, which a suspend counts in. */
export type TimedFix = {
  readonly fix: Fix /** µs since the Unix epoch */;
  readonly timeUs: number;
  readonly atMs: number;
};

/** How a source is doing. */
export type SourceFacts = SourceCounters & {
  readonly name: string;
  readonly state: SourceState;
  readonly what: string;
  readonly remedy: string;
  /** Whether its fixes are those that count. */
  readonly isChosen: boolean;
};

type Observed = {
  readonly source: PositionSource;
  state: SourceState;
  what: string;
  remedy: string;
  /** What was told since it was up. */
  readonly troubles: Set<string>;
  /** Of its newest fix, as the receiver has it, and since when (boottime ms). */
  fixTimeUs?: number | undefined;
  fixSinceMs?: number;
};

/**
 * Where the vehicle is: the fixes of the best source that has some. `onFix` shows them as they are, to whoever keeps them in the vehicle;
 * `current` and the signals have what has passed the gate.
 */
export class Whereabouts {
  readonly #parts: WhereaboutsParts;
  readonly #choice: SourceChoice;
  readonly #observed: readonly Observed[];
  readonly #takers = new Set<(timed: TimedFix) => void>();
  #newest: TimedFix | undefined;
  #lastFixMs: number | undefined;
  /** When it was told last, and of which moment. */
  #toldMs = Number.NEGATIVE_INFINITY;
  #toldUs: number | undefined;
  #hasTold = false;
  #endLooks = (): void => undefined;

  constructor(parts: WhereaboutsParts) {
    this.#parts = parts;
    this.#choice = new SourceChoice(parts.settings);
    const notYet = { state: "down", what: "not opened yet", remedy: "" } as const;
    this.#observed = parts.sources.map((source) => ({ source, ...notYet, troubles: new Set() }));
  }

  start(): void {
    this.#endLooks = this.#parts.clock.every(LOOK_MS, () => this.#look());
    this.#observed.forEach((observed, index) => observed.source.start(this.#sinkOf(observed, index)));
  }

  async stop(): Promise<void> {
    this.#endLooks();
    await Promise.all(this.#observed.map(({ source }) => source.stop()));
  }

  /** Where the vehicle is, as far as that may leave it; undefined where it is not known, or not any more. */
  current(): Position | undefined {
    const told = this.told();
    if (told === undefined) return undefined;
    const { fix, timeUs } = told;
    const { latitude, longitude, heightM: altitude, accuracyM: accuracy } = fix;
    return { latitude, longitude, altitude, accuracy, timeUs };
  }

  /** As `current`, with all that may be told of the fix. */
  told(): TimedFix | undefined {
    const newest = this.newest();
    // Asked anew: what may be told can have changed since the fix came.
    const fix = newest === undefined ? undefined : this.#parts.gate(newest.fix);
    return newest === undefined || fix === undefined ? undefined : { ...newest, fix };
  }

  /** The newest fix as it is, for what stays in the vehicle; undefined where there is none, or it is old. */
  newest(): TimedFix | undefined {
    const newest = this.#newest;
    if (newest === undefined) return undefined;
    return this.#parts.clock.boottimeMs() - newest.atMs <= this.#parts.settings.staleMs ? newest : undefined;
  }

  /** Boottime ms of the newest fix, however old; undefined before the first. */
  lastFixMs(): number | undefined {
    return this.#lastFixMs;
  }

  /** Shows each fix that counts, as it is, until the returned function is called: for what stays in the vehicle. */
  onFix(take: (timed: TimedFix) => void): () => void {
    this.#takers.add(take);
    return () => this.#takers.delete(take);
  }

  sources(): readonly SourceFacts[] {
    const chosen = this.#choice.chosen(this.#parts.clock.boottimeMs());
    return this.#observed.map(({ source, state, what, remedy }, index) => {
      return { name: source.name, state, what, remedy, isChosen: index === chosen, ...source.counters() };
    });
  }

  #sinkOf(observed: Observed, index: number): PositionSink {
    return {
      onFix: (fix) => {
        if (!this.#isStuck(observed, fix)) this.#takeFix(fix, index);
      },
      onNoFix: () => {
        this.#choice.drop(index);
        this.#look();
      },
      onState: (state, what, remedy) => {
        observed.state = state;
        observed.what = what;
        observed.remedy = remedy;
        if (isNews(observed)) this.#parts.onState(observed.source.name, state, what);
      },
    };
  }

  /** A receiver that says the same moment over and over has no fix, whatever it says. */
  #isStuck(observed: Observed, { timeUs }: Fix): boolean {
    const nowMs = this.#parts.clock.boottimeMs();
    if (timeUs === undefined || timeUs !== observed.fixTimeUs) {
      observed.fixTimeUs = timeUs;
      observed.fixSinceMs = nowMs;
    }
    return timeUs !== undefined && nowMs - (observed.fixSinceMs ?? nowMs) > this.#parts.settings.staleMs;
  }

  #takeFix(fix: Fix, index: number): void {
    const { clock, gate, settings, signals } = this.#parts;
    const atMs = clock.boottimeMs();
    if (!this.#choice.take(index, atMs)) return;
    const timeUs = timeOfFix(fix, clock.quality());
    const timed = { fix, timeUs, atMs };
    this.#newest = timed;
    this.#lastFixMs = atMs;
    // Those who decide on privacy come first.
    for (const take of this.#takers) take(timed);
    const passed = gate(fix);
    if (passed === undefined) return this.#tellNone();
    // What is known more of a moment that was told is told too.
    const isToldMoment = this.#toldUs === timeUs;
    if (!isToldMoment && atMs - this.#toldMs < settings.everyMs) return;
    if (!isToldMoment) this.#toldMs = atMs;
    this.#toldUs = timeUs;
    this.#hasTold = true;
    signals.take(passed, timeUs);
  }

  #look(): void {
    if (this.#choice.chosen(this.#parts.clock.boottimeMs()) === undefined) this.#newest = undefined;
    if (this.told() === undefined) this.#tellNone();
  }

  #tellNone(): void {
    if (!this.#hasTold) return;
    this.#hasTold = false;
    this.#parts.signals.takeNone(this.#parts.clock.wallUs());
  }
}

/** A source that is silent is opened anew for ever, and goes from trouble to trouble. */
function isNews({ state, what, troubles }: Observed): boolean {
  if (state === "up") {
    troubles.clear();
    return true;
  }
  const trouble = `${state} ${what}`;
  if (troubles.has(trouble) || troubles.size >= MAX_TROUBLES) return false;
  troubles.add(trouble);
  return true;
}
