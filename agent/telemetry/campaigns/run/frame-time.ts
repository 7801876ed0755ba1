import type { Clock } from "../../../core/clock.ts";

/** Frames that are further from the wall clock than this were received by another clock: no frame is so late, µs. */
const OTHER_CLOCK_US = 5_000_000;

/**
 * What time it is by the clock that frames are received by. That is the vehicle's own, but where a log is played at its own times, or
 * all frames come by a gateway whose clock is another.
 */
export class FrameTime {
  readonly #clock: Clock;
  /** Of the frames since it was asked last; NaN where there was none. */
  #lastUs = Number.NaN;
  /** Frame time less wall time; 0 as soon as a frame has come by the vehicle's own clock. */
  #offsetUs = 0;
  #isOwn = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether it is that of a clock which is not the vehicle's. */
  get isOther(): boolean {
    return this.#offsetUs !== 0;
  }

  /** A frame was received at `timeUs`. On the frame path. */
  note(timeUs: number): void {
    this.#lastUs = timeUs;
  }

  /** The vehicle's clock was set: what was noted before says nothing of it. */
  wallStepped(byUs: number): void {
    this.#lastUs = Number.NaN;
    if (this.isOther) this.#offsetUs -= byUs;
  }

  /** µs since the Unix epoch. */
  nowUs(): number {
    const wallUs = this.#clock.wallUs();
    const offsetUs = this.#lastUs - wallUs;
    this.#lastUs = Number.NaN;
    if (Math.abs(offsetUs) <= OTHER_CLOCK_US) this.#isOwn = true;
    if (this.#isOwn) this.#offsetUs = 0;
    else if (!Number.isNaN(offsetUs)) this.#offsetUs = offsetUs;
    return wallUs + this.#offsetUs;
  }
}
