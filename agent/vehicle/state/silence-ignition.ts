import type { Clock } from "../../core/clock.ts";
import type { IgnitionSource } from "./ignition.ts";

/** Frames count as a sign of life for so long, ms; what comes less often is a bus that is about to fall asleep. */
const LIFE_MS = 2000;

/** A bus as far as its frames are counted. */
export type HeardBus = {
  readonly name: string;
  /** Frames that were on the bus since the start, wanted or not. */
  readonly frames: () => number;
};

export type SilenceParts = {
  readonly buses: readonly HeardBus[];
  readonly silentMs: number;
  readonly clock: Pick<Clock, "monotonicMs">;
};

/**
 * Ignition by the life on buses: on while frames come, off when there was none for `silentMs`. In between it does not know, so that a bus
 * that wakes for a moment while the vehicle is parked is no drive.
 */
export class SilenceIgnition implements IgnitionSource {
  readonly name = "bus-silence";
  readonly #parts: SilenceParts;
  readonly #seen: { readonly bus: HeardBus; frames: number }[];
  #heardMs: number;
  #heardOn: string | undefined;

  constructor(parts: SilenceParts) {
    this.#parts = parts;
    this.#seen = parts.buses.map((bus) => ({ bus, frames: 0 }));
    this.#heardMs = parts.clock.monotonicMs();
  }

  look(): ReturnType<IgnitionSource["look"]> {
    const { clock, silentMs } = this.#parts;
    const nowMs = clock.monotonicMs();
    for (const seen of this.#seen) {
      const frames = seen.bus.frames();
      if (frames === seen.frames) continue;
      seen.frames = frames;
      this.#heardMs = nowMs;
      this.#heardOn = seen.bus.name;
    }
    const quietMs = nowMs - this.#heardMs;
    if (quietMs >= silentMs) return { kind: "off", why: `buses silent for ${Math.round(quietMs / 1000)} s` };
    if (this.#heardOn !== undefined && quietMs < LIFE_MS) return { kind: "on", why: `frames on ${this.#heardOn}` };
    return { kind: "unknown", why: `buses silent for ${Math.round(quietMs / 1000)} s of ${silentMs / 1000} s` };
  }
}
