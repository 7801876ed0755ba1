import type { Clock } from "../../core/clock.ts";
import type { BusSink } from "../../ports/can-bus.ts";
import { FRAME_FLAG } from "../../ports/frame.ts";

/** The frame that was heard first on a bus after it had been quiet. `atMs`: of the time since the boot. */
export type FirstFrame = { readonly id: number; readonly extended: boolean; readonly atMs: number };

/** `lastMs`: of the last frame, or of the time from which on it is listened to while there was none (`isHeard`). */
type Heard = { lastMs: number; isHeard: boolean; first: FirstFrame | undefined };

/** Listens to the buses while the vehicle is asleep and right after it: which of them speaks first, and what. Costs one compare a batch otherwise. */
export class BusEar {
  readonly #clock: Clock;
  readonly #quietMs: number;
  readonly #buses = new Map<string, Heard>();
  #isListening = false;

  /** A bus without a frame for `quietMs` was quiet. */
  constructor(clock: Clock, quietMs: number) {
    this.#clock = clock;
    this.#quietMs = quietMs;
  }

  /** Shows the frames of a bus to `next`, and looks at the first of each batch while it listens. */
  besides(bus: string, next: BusSink): BusSink {
    const heard: Heard = { lastMs: Number.NEGATIVE_INFINITY, isHeard: false, first: undefined };
    this.#buses.set(bus, heard);
    return {
      onFrames: (batch) => {
        if (this.#isListening && batch.count > 0) this.#hear(heard, batch.id(0), batch.flags(0));
        next.onFrames(batch);
      },
      onState: (state, detail) => next.onState(state, detail),
    };
  }

  /** From now on: what is heard now goes on, and is no beginning. */
  hear(): void {
    this.#isListening = true;
    for (const heard of this.#buses.values()) {
      heard.first = undefined;
      heard.isHeard = false;
      heard.lastMs = this.#clock.boottimeMs();
    }
  }

  rest(): void {
    this.#isListening = false;
  }

  /** First frames after quiet, by bus. */
  firstFrames(): ReadonlyMap<string, FirstFrame> {
    const found = new Map<string, FirstFrame>();
    for (const [bus, { first }] of this.#buses) if (first !== undefined) found.set(bus, first);
    return found;
  }

  /** Time since the last frame that was heard since `hear`, ms with that of a suspend; infinite where none was. */
  sinceFrameMs(bus: string): number {
    const heard = this.#buses.get(bus);
    return heard?.isHeard === true ? this.#clock.boottimeMs() - heard.lastMs : Number.POSITIVE_INFINITY;
  }

  #hear(heard: Heard, id: number, flags: number): void {
    if ((flags & FRAME_FLAG.error) !== 0) return;
    const atMs = this.#clock.boottimeMs();
    if (heard.first === undefined && atMs - heard.lastMs >= this.#quietMs) {
      heard.first = { id, extended: (flags & FRAME_FLAG.extended) !== 0, atMs };
    }
    heard.lastMs = atMs;
    heard.isHeard = true;
  }
}
