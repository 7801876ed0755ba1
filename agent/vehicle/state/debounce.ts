import type { IgnitionReading } from "./ignition.ts";

/** How long something must be so before it counts, ms. */
export type DebounceTimes = {
  readonly onMs: number;
  readonly offMs: number;
  /** The ignition counts as off when nobody has known it for so long. */
  readonly silentMs: number;
};

type Level = { readonly isOn: boolean; readonly why: string };

/**
 * Whether the ignition is on, without the bouncing. Going on needs the time without a break, in which every reading says so. Going off
 * needs no more than that nobody says otherwise: a bus that falls asleep after its last word is believed that word. A silence by
 * itself changes nothing until it is long.
 */
export class IgnitionDebounce {
  readonly #times: DebounceTimes;
  #level: Level;
  #next: (Level & { readonly sinceMs: number }) | undefined;
  #knownMs: number | undefined;
  /** Why nobody knew it at the last reading; undefined where somebody did. */
  #silence: string | undefined;

  /** Begins with what was known last. */
  constructor(times: DebounceTimes, level: Level) {
    this.#times = times;
    this.#level = level;
  }

  get level(): Level {
    return this.#level;
  }

  /** A reading of this moment, by a clock that counts suspend, ms. */
  take(reading: IgnitionReading, nowMs: number): void {
    this.#knownMs ??= nowMs;
    this.#runOut(nowMs);
    this.#silence = reading.kind === "unknown" ? reading.why : undefined;
    if (reading.kind === "unknown") this.#takeSilence(reading.why, nowMs);
    else this.#takeLevel({ isOn: reading.kind === "on", why: reading.why }, nowMs);
  }

  /** A time for off that ended between two readings, as it does in a suspend, has ended whatever the next one says. */
  #runOut(nowMs: number): void {
    const { offMs, silentMs } = this.#times;
    if (this.#next?.isOn === false && nowMs - this.#next.sinceMs > offMs) this.#settle(nowMs);
    else if (this.#silence !== undefined && nowMs - (this.#knownMs ?? nowMs) > silentMs) {
      this.#takeSilence(this.#silence, nowMs);
    }
  }

  #takeSilence(why: string, nowMs: number): void {
    if (this.#next?.isOn === true) this.#next = undefined;
    this.#settle(nowMs);
    const silentMs = nowMs - (this.#knownMs ?? nowMs);
    if (!this.#level.isOn || silentMs < this.#times.silentMs) return;
    this.#level = { isOn: false, why: `not known for ${Math.round(silentMs / 1000)} s: ${why}` };
    this.#next = undefined;
  }

  #takeLevel(level: Level, nowMs: number): void {
    this.#knownMs = nowMs;
    if (level.isOn === this.#level.isOn) this.#next = undefined;
    else if (this.#next?.isOn !== level.isOn) this.#next = { ...level, sinceMs: nowMs };
    this.#settle(nowMs);
  }

  #settle(nowMs: number): void {
    if (this.#next === undefined) return;
    const { isOn, why, sinceMs } = this.#next;
    if (nowMs - sinceMs < (isOn ? this.#times.onMs : this.#times.offMs)) return;
    this.#level = { isOn, why };
    this.#next = undefined;
  }
}
