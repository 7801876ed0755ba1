/** What the battery allows, best first: "normal"; "saving": fewer check-ins; "guarded": none, and to sleep at once. */
export const GUARD_LEVELS = ["normal", "saving", "guarded"] as const;
export type GuardLevel = (typeof GUARD_LEVELS)[number];

/** A longer pause between two looks was a sleep, or the agent was off: what the voltage was meanwhile nobody knows, ms. */
const MOST_PAUSE_MS = 10_000;
const HOUR_MS = 3_600_000;

export type GuardSettings = {
  readonly savingBelowVolts: number;
  readonly guardedBelowVolts: number;
  /** Above a threshold by so much it is over. */
  readonly riseVolts: number;
  readonly forSeconds: number;
  readonly afterParkedHours: number;
  readonly noneAfterHours: number;
};

/** Nothing is guarded. */
const NONE: GuardSettings = {
  savingBelowVolts: 0,
  guardedBelowVolts: 0,
  riseVolts: 0,
  forSeconds: 1,
  afterParkedHours: Number.POSITIVE_INFINITY,
  noneAfterHours: Number.POSITIVE_INFINITY,
};

/** What the guard goes by. */
export type GuardLook = {
  /** Monotonic ms. */
  readonly nowMs: number;
  /** As it was measured since the last look; undefined where nothing new came. */
  readonly volts: number | undefined;
  readonly isDriving: boolean;
  readonly parkedMs: number;
};

/**
 * The level that voltage and hours parked ask for. A voltage counts when it holds for `forSeconds` without a contrary one, and is over
 * only above its threshold by `riseVolts`: by a threshold alone a battery that is being charged, or is under load, flaps
 * (wican-fw #259, #521). While the vehicle drives the voltage says how it is charged, and does not count.
 */
export class BatteryGuard {
  readonly #settings: GuardSettings;
  #byVolts: GuardLevel;
  #lastMs: number | undefined;
  /** Another level that the voltage asks for, the one nearest to the present one, and since when. */
  #asked: { readonly level: GuardLevel; readonly isWorse: boolean; readonly sinceMs: number } | undefined;

  /** Without settings nothing is guarded. `kept`: what the voltage asked for before a restart; no voltage would end it where there are none any more. */
  constructor(settings: GuardSettings | undefined, kept: GuardLevel = "normal") {
    this.#settings = settings ?? NONE;
    this.#byVolts = settings === undefined ? "normal" : kept;
  }

  /** What the voltage asks for by itself, to be kept over a restart. */
  get byVolts(): GuardLevel {
    return this.#byVolts;
  }

  /** Call about once a second while awake. */
  look({ nowMs, volts, isDriving, parkedMs }: GuardLook): GuardLevel {
    if (this.#lastMs !== undefined && nowMs - this.#lastMs > MOST_PAUSE_MS) this.#asked = undefined;
    this.#lastMs = nowMs;
    if (isDriving) this.#ask("normal", nowMs);
    else if (volts !== undefined) this.#ask(this.#levelAt(volts), nowMs);
    return worst(this.#byVolts, isDriving ? "normal" : this.#byHours(parkedMs));
  }

  #byHours(parkedMs: number): GuardLevel {
    const { afterParkedHours, noneAfterHours } = this.#settings;
    if (parkedMs >= noneAfterHours * HOUR_MS) return "guarded";
    return parkedMs >= afterParkedHours * HOUR_MS ? "saving" : "normal";
  }

  #levelAt(volts: number): GuardLevel {
    const { savingBelowVolts, guardedBelowVolts, riseVolts } = this.#settings;
    const rises = (level: GuardLevel): number => (rank(this.#byVolts) >= rank(level) ? riseVolts : 0);
    if (volts < guardedBelowVolts + rises("guarded")) return "guarded";
    return volts < savingBelowVolts + rises("saving") ? "saving" : "normal";
  }

  #ask(level: GuardLevel, nowMs: number): void {
    if (level === this.#byVolts) {
      this.#asked = undefined;
      return;
    }
    const isWorse = rank(level) > rank(this.#byVolts);
    const before = this.#asked?.isWorse === isWorse ? this.#asked : undefined;
    const sinceMs = before?.sinceMs ?? nowMs;
    this.#asked = { level: nearest(this.#byVolts, level, before?.level), isWorse, sinceMs };
    if (nowMs - sinceMs < this.#settings.forSeconds * 1000) return;
    this.#byVolts = this.#asked.level;
    this.#asked = undefined;
  }
}

function rank(level: GuardLevel): number {
  return GUARD_LEVELS.indexOf(level);
}

function worst(a: GuardLevel, b: GuardLevel): GuardLevel {
  return rank(a) > rank(b) ? a : b;
}

/** Of two on the same side of `from` the one that is nearer to it. */
function nearest(from: GuardLevel, a: GuardLevel, b = a): GuardLevel {
  return Math.abs(rank(a) - rank(from)) <= Math.abs(rank(b) - rank(from)) ? a : b;
}
