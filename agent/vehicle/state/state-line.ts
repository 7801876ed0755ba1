import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import { type DebounceTimes, IgnitionDebounce } from "./debounce.ts";
import type { IgnitionSource } from "./ignition.ts";
import { IgnitionTrust } from "./ignition-trust.ts";
import type { StateBook } from "./state-book.ts";
import type { OpenTrip, StateReading, VehicleState, VehicleStates } from "./vehicle-state.ts";

/** How often the sources are asked. */
const LOOK_MS = 250;

export type VehicleStateParts = {
  /** In the order of trust. */
  readonly sources: readonly IgnitionSource[];
  readonly settings: {
    readonly debounce: DebounceTimes;
    /** From parked to asleep-soon; 0 never. */
    readonly asleepAfterMs: number;
  };
  readonly book: StateBook;
  readonly clock: Clock;
  readonly log: Log;
};

type Listener = (reading: StateReading, before: StateReading) => void;

/** The line from the sources of the ignition to the state of the vehicle, and to all who go by it. */
export class VehicleStateLine implements VehicleStates {
  readonly #parts: VehicleStateParts;
  readonly #trust: IgnitionTrust;
  readonly #debounce: IgnitionDebounce;
  readonly #listeners = new Set<Listener>();
  #reading: StateReading;
  /** Whether this process has seen the ignition on in the trip that is open. */
  #hasSeenTrip = false;
  #stopLooking: (() => void) | undefined;

  constructor(parts: VehicleStateParts) {
    this.#parts = parts;
    this.#reading = parts.book.state;
    const { state, why } = this.#reading;
    this.#trust = new IgnitionTrust(parts.sources, parts.settings.debounce.silentMs);
    this.#debounce = new IgnitionDebounce(parts.settings.debounce, { isOn: state === "driving", why });
  }

  now(): StateReading {
    return this.#reading;
  }

  trip(): OpenTrip | undefined {
    return this.#parts.book.trip;
  }

  /** Until it is asleep soon, if it stays parked, ms; undefined where it is not parked, or never will be. */
  asleepSoonInMs(): number | undefined {
    const { clock, book, settings } = this.#parts;
    const { asleepAfterMs } = settings;
    if (this.#reading.state !== "parked" || asleepAfterMs === 0) return undefined;
    return Math.max(0, asleepAfterMs - (clock.boottimeMs() - book.enteredMs));
  }

  isIgnitionOn(): boolean {
    return this.#debounce.level.isOn;
  }

  onChange(take: Listener): () => void {
    this.#listeners.add(take);
    return () => this.#listeners.delete(take);
  }

  async start(): Promise<void> {
    const { clock, sources } = this.#parts;
    for (const source of sources) await source.start?.(() => this.#look());
    this.#look();
    this.#stopLooking = clock.every(LOOK_MS, () => this.#look());
  }

  async stop(): Promise<void> {
    this.#stopLooking?.();
    this.#stopLooking = undefined;
    this.note();
    for (const source of this.#parts.sources) await source.stop?.();
  }

  /** Before a sleep, or an end of the process: notes how far the open trip has come, where this process has seen it. */
  note(): void {
    if (this.#hasSeenTrip) this.#parts.book.note();
  }

  #look(): void {
    const { clock, book } = this.#parts;
    const nowMs = clock.boottimeMs();
    const reading = this.#trust.look(nowMs);
    this.#debounce.take(reading, nowMs);
    const next = this.#next();
    if (next !== undefined) this.#enter(next.state, next.why);
    else if (reading.kind === "on" && this.#reading.state === "driving") {
      this.#hasSeenTrip = true;
      book.see();
    }
    book.retry();
  }

  #next(): Pick<StateReading, "state" | "why"> | undefined {
    const { isOn, why } = this.#debounce.level;
    const { state } = this.#reading;
    if (isOn) return state === "driving" ? undefined : { state: "driving", why: `ignition on: ${why}` };
    if (state === "driving") return { state: "parked", why: `ignition off: ${why}` };
    if (this.asleepSoonInMs() !== 0) return undefined;
    const { asleepAfterMs } = this.#parts.settings;
    return { state: "asleep-soon", why: `parked for ${Math.round(asleepAfterMs / 1000)} s` };
  }

  #enter(state: VehicleState, why: string): void {
    const { book, log } = this.#parts;
    const before = this.#reading;
    book.enter(state, why, this.#hasSeenTrip);
    this.#hasSeenTrip = state === "driving";
    this.#reading = book.state;
    log.info("vehicle.state-changed", { state, before: before.state, why });
    for (const take of this.#listeners) take(this.#reading, before);
  }
}
