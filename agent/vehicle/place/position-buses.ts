import type { BusSink } from "../../ports/can-bus.ts";
import type { HiddenFrames } from "./hidden-frames.ts";
import type { PositionFrames } from "./position-frames.ts";

/** Where the frames of the buses come by: positions are read from them first, and those that say one go no further while it stays in the vehicle. */
export class PositionBuses {
  readonly #frames: PositionFrames | undefined;
  readonly #hidden: ReadonlyMap<string, HiddenFrames>;
  readonly #isHiding: () => boolean;

  /** `isHiding` is asked once a batch. */
  constructor(frames: PositionFrames | undefined, hidden: ReadonlyMap<string, HiddenFrames>, isHiding: () => boolean) {
    this.#frames = frames;
    this.#hidden = hidden;
    this.#isHiding = isHiding;
  }

  besides(bus: string, sink: BusSink): BusSink {
    const frames = this.#frames?.reads(bus) === true ? this.#frames : undefined;
    const hidden = this.#hidden.get(bus);
    if (frames === undefined && hidden === undefined) return sink;
    return {
      onFrames: (batch) => {
        frames?.take(bus, batch);
        if (hidden !== undefined && this.#isHiding()) hidden.hide(batch);
        sink.onFrames(batch);
      },
      onState: (state, detail) => sink.onState(state, detail),
    };
  }

  /** Frames that went no further; undefined where no frame says a position. */
  withheld(): number | undefined {
    if (this.#hidden.size === 0) return undefined;
    return [...this.#hidden.values()].reduce((sum, { withheld }) => sum + withheld, 0);
  }
}
