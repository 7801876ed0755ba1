import type { BusCounters, BusSink } from "../../agent/ports/can-bus.ts";
import type { FrameBatch } from "../../agent/ports/frame.ts";
import { BusStateTracker, type InterfaceState } from "./error-state.ts";

/**
 * The way from a driver to its sink, with what every driver owes it: frames are counted and handed over, then the bus state is learnt
 * from the error frames among them. Nothing reaches the sink before `open` or after `close`. The counts go on over both.
 */
export class Delivery {
  #sink: BusSink | undefined;
  #state: BusStateTracker | undefined;
  #received = 0;
  #errorFrames = 0;
  #resolveOpen = (): void => undefined;

  get isOpen(): boolean {
    return this.#sink !== undefined;
  }

  /** Whether the controller has left the bus; false while that is not known. */
  get isBusOff(): boolean {
    return this.#state?.isBusOff ?? false;
  }

  /** Delivers to `sink` from now on. Resolves when the first state has been told, or at `close`. */
  open(sink: BusSink): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#resolveOpen = resolve;
    this.#sink = sink;
    this.#state = new BusStateTracker((state, detail) => {
      sink.onState(state, detail);
      resolve();
    });
    return promise;
  }

  close(): void {
    this.#sink = undefined;
    this.#state = undefined;
    this.#resolveOpen();
  }

  /** What is known of the interface, or of the way to it. */
  link(state: InterfaceState, detail: string): void {
    this.#state?.link(state, detail);
  }

  /** Hands on the batch, of which `errorFrames` are error frames. */
  frames(batch: FrameBatch, errorFrames: number): void {
    if (this.#sink === undefined || batch.count === 0) return;
    this.#received += batch.count - errorFrames;
    this.#errorFrames += errorFrames;
    this.#sink.onFrames(batch);
    this.#state?.frames(batch, errorFrames);
  }

  /** The counts of the bus; the driver adds what it alone knows. */
  counters(dropped: number | undefined, transmitted: number): BusCounters {
    return { received: this.#received, dropped, errorFrames: this.#errorFrames, transmitted };
  }
}
