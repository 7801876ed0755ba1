import type { Clock, ClockQuality } from "../core/clock.ts";

/** How far the wall clock may move against the boottime until that is a step, µs. Slewing moves both; only setting moves one. */
const STEP_US = 5000;
/** Two clocks are read one after the other: a pause of more than this between them is read again, ms. */
const PAUSE_MS = 1;
const TRIES = 4;

/** One moment on all clocks, in whole µs. */
export type Moment = {
  readonly monotonicUs: number;
  /** Time that the machine was suspended since its boot; boottime is monotonic time and this. */
  readonly suspendedUs: number;
  readonly wallUs: number;
  readonly quality: ClockQuality;
};

/** Who holds what was stamped. */
export type StampUser = {
  /** The clock was set: all that it holds must become records now. */
  beforeStep(): void;
  /** Stamps are by the new clock from now on; by how much it is ahead of that of before, µs. */
  afterStep(byUs: number): void;
};

/**
 * The clock by which the samples and frames in hand were stamped. Its wall time is that of the machine, but for a moment after somebody has
 * set it: until `use` it goes on as before, so that what waits becomes records which have one clock each, and say which.
 *
 * A clock is told by its distance: wall time less boottime (`Clock.boottimeMs`), µs.
 */
export class StampClock implements Clock {
  readonly #clock: Clock;
  readonly #users = new Set<StampUser>();
  #distanceUs: number;
  /** What that clock was last known to be worth. */
  #quality: ClockQuality;
  /** The clock before: another bus may have frames of it yet. */
  #earlier: { readonly distanceUs: number; readonly quality: ClockQuality };

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#distanceUs = readDistance(clock);
    this.#quality = clock.quality();
    this.#earlier = { distanceUs: this.#distanceUs, quality: this.#quality };
  }

  /** Distance of the machine's clock. */
  readDistanceUs(): number {
    return readDistance(this.#clock);
  }

  /** Whether stamps of this distance are by the same clock as those in hand. */
  is(distanceUs: number): boolean {
    return isSame(distanceUs, this.#distanceUs);
  }

  /** From now on stamps are by this clock. Where it is another one all users make records first. */
  use(distanceUs: number): void {
    const byUs = distanceUs - this.#distanceUs;
    if (this.is(distanceUs)) {
      this.#distanceUs = distanceUs;
      return;
    }
    for (const user of this.#users) user.beforeStep();
    const earlier = this.#earlier;
    this.#earlier = { distanceUs: this.#distanceUs, quality: this.#quality };
    this.#distanceUs = distanceUs;
    if (this.is(this.readDistanceUs())) this.#quality = this.#clock.quality();
    // Of a clock that is not the machine's any more only that is known which was known then.
    else this.#quality = isSame(earlier.distanceUs, distanceUs) ? earlier.quality : "unsynchronised";
    for (const user of this.#users) user.afterStep(byUs);
  }

  /** Whether a stamp is by the clock `nextUs` and not by `beforeUs`, from which it stepped: no frame was received later than now. */
  isAfterStep(timeUs: number, beforeUs: number, nextUs: number): boolean {
    const isLater = timeUs > this.#clock.boottimeMs() * 1000 + Math.min(beforeUs, nextUs);
    return isLater === nextUs > beforeUs;
  }

  /** From now on `user` is told; gives what ends that. */
  join(user: StampUser): () => void {
    this.#users.add(user);
    return () => void this.#users.delete(user);
  }

  /** Now, by the clock of the stamps. */
  moment(): Moment {
    const ownUs = this.readDistanceUs();
    const isOwn = this.is(ownUs);
    if (isOwn) this.#quality = this.#clock.quality();
    return momentBy(this.#clock, isOwn ? ownUs : this.#distanceUs, this.#quality);
  }

  wallUs(): number {
    return this.is(this.readDistanceUs()) ? this.#clock.wallUs() : this.moment().wallUs;
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs();
  }

  boottimeMs(): number {
    return this.#clock.boottimeMs();
  }

  quality(): ClockQuality {
    return this.#clock.quality();
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return this.#clock.sleep(ms, signal);
  }

  every(ms: number, tick: () => void): () => void {
    return this.#clock.every(ms, tick);
  }
}

/** Whether two distances are of one clock: it was not set between. */
export function isSame(oneUs: number, otherUs: number): boolean {
  return Math.abs(oneUs - otherUs) <= STEP_US;
}

/** Now, by the clock of the machine. */
export function momentOf(clock: Clock): Moment {
  return momentBy(clock, readDistance(clock), clock.quality());
}

function momentBy(clock: Clock, distanceUs: number, quality: ClockQuality): Moment {
  const monotonicMs = clock.monotonicMs();
  const suspendedUs = readSuspended(clock);
  const wallUs = Math.round(monotonicMs * 1000 + suspendedUs + distanceUs);
  return { monotonicUs: Math.round(monotonicMs * 1000), suspendedUs, wallUs, quality };
}

/** Wall time less boottime, µs, read again where there was a pause between the two. */
export function readDistance(clock: Clock): number {
  let distanceUs = 0;
  for (let count = 0; count < TRIES; count += 1) {
    const beforeMs = clock.boottimeMs();
    distanceUs = clock.wallUs() - beforeMs * 1000;
    if (clock.boottimeMs() - beforeMs < PAUSE_MS) break;
  }
  return distanceUs;
}

/** For how long the machine was suspended since its boot, µs, in steps of 0.1 ms, so that it is the same in all records between two suspends. */
export function readSuspended(clock: Clock): number {
  let suspendedMs = 0;
  for (let count = 0; count < TRIES; count += 1) {
    const beforeMs = clock.monotonicMs();
    suspendedMs = clock.boottimeMs() - beforeMs;
    if (clock.monotonicMs() - beforeMs < PAUSE_MS / 20) break;
  }
  return suspendedMs < PAUSE_MS ? 0 : Math.round(suspendedMs * 10) * 100;
}
