import { BootClock } from "./boot-clock.ts";
import { correctionOf, distanceUsOf, isByAnchor, stampOf, type TimeCorrection } from "./correct-times.ts";
import type { DecodedRecord } from "./decoded-record.ts";
import { type Guess, guessDistances } from "./guess-clocks.ts";

/** Boots that are remembered; times of further ones stay as they are. */
const MAX_BOOTS = 100_000;

/**
 * What records say of the clocks of vehicles: by it the times of any of them are made right, those that came before too. Feed it with all
 * records first, in any order; what is learnt later makes later answers better.
 */
export class ClockBook {
  /** By thing, and by boot id. */
  readonly #things = new Map<string, Map<string, BootClock>>();
  /** By thing; forgotten when one of its records is learnt. */
  readonly #guesses = new Map<string, ReadonlyMap<BootClock, Guess>>();
  #boots = 0;
  #leftOut = 0;

  /** Records of boots that there was no room for. */
  get leftOut(): number {
    return this.#leftOut;
  }

  /** Takes what a record says of its clock. One without a boot id says nothing. */
  learn(record: DecodedRecord): void {
    const { thing, bootId } = record;
    if (bootId === "") return;
    const boots = this.#things.get(thing) ?? new Map<string, BootClock>();
    let boot = boots.get(bootId);
    if (boot === undefined) {
      if (this.#boots >= MAX_BOOTS) {
        this.#leftOut += 1;
        return;
      }
      boot = new BootClock();
      this.#boots += 1;
      boots.set(bootId, boot);
      this.#things.set(thing, boots);
    }
    boot.learn(record);
    this.#guesses.delete(thing);
  }

  /**
   * How the times of a record are made right: by the moments of its boot at which the clock was right (`correctionOf`); where there was none,
   * by what lies before and after that boot (`guessDistances`). Times that are by another clock stay as they are, and unknown.
   */
  correctionOf(record: DecodedRecord): TimeCorrection {
    const { thing, bootId, anchor, body } = record;
    const boot = this.#things.get(thing)?.get(bootId);
    const correction = correctionOf(anchor, boot?.truths ?? []);
    if (!isByAnchor(anchor, stampOf(body) ?? anchor.wallUs)) {
      return { shiftUs: 0, quality: anchor.quality, basis: "unknown", errorMs: undefined };
    }
    if (correction.basis !== "unknown" || boot === undefined) return correction;
    const guess = this.#guessesOf(thing).get(boot);
    if (guess === undefined) return correction;
    const shiftUs = guess.distanceUs - distanceUsOf(anchor);
    return { ...correction, shiftUs, basis: "guessed", errorMs: Math.ceil(guess.errorUs / 1000) };
  }

  #guessesOf(thing: string): ReadonlyMap<BootClock, Guess> {
    const known = this.#guesses.get(thing);
    if (known !== undefined) return known;
    const guesses = guessDistances([...(this.#things.get(thing)?.values() ?? [])]);
    this.#guesses.set(thing, guesses);
    return guesses;
  }
}
