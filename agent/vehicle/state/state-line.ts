import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import { type DebounceTimes, IgnitionDebounce } from "./debounce.ts";
import { type IgnitionSource, trustedReading } from "./ignition.ts";
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
  readonly clock: Clock;
  readonly log: Log;
};

type Listener = (reading: StateReading, before: StateReading) => void;

/** The line from the sources of the ignition to the state of the vehicle, and to all who go by it. */
export class VehicleStateLine implements VehicleStates {
  readonly #parts: VehicleStateParts;
  readonly #debounce: IgnitionDebounce;
  readonly #listeners = new Set<Listener>();
  #reading: StateReading;
  #stopLooking: (() => void) | undefined;

  constructor(parts: VehicleStateParts) {
    const why = "not known yet";
    this.#parts = parts;
    this.#reading = { state: "parked", sinceMs: parts.clock.monotonicMs(), why };
    this.#debounce = new IgnitionDebounce(parts.settings.debounce, { isOn: false, why });
  }

  now(): StateReading {
    return this.#reading;
  }

  trip(): OpenTrip | undefined {
    return undefined;
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
    for (const source of this.#parts.sources) await source.stop?.();
  }

  #look(): void {
    const { sources, clock } = this.#parts;
    this.#debounce.take(trustedReading(sources), clock.monotonicMs());
    const next = this.#next();
    if (next !== undefined) this.#enter(next.state, next.why);
  }

  #next(): Pick<StateReading, "state" | "why"> | undefined {
    const { isOn, why } = this.#debounce.level;
    const { state, sinceMs } = this.#reading;
    if (isOn) return state === "driving" ? undefined : { state: "driving", why: `ignition on: ${why}` };
    if (state === "driving") return { state: "parked", why: `ignition off: ${why}` };
    const { asleepAfterMs } = this.#parts.settings;
    if (state === "asleep-soon" || asleepAfterMs === 0) return undefined;
    if (this.#parts.clock.monotonicMs() - sinceMs < asleepAfterMs) return undefined;
    return { state: "asleep-soon", why: `parked for ${Math.round(asleepAfterMs / 1000)} s` };
  }

  #enter(state: VehicleState, why: string): void {
    const { clock, log } = this.#parts;
    const before = this.#reading;
    this.#reading = { state, why, sinceMs: clock.monotonicMs() };
    log.info("vehicle.state-changed", { state, before: before.state, why });
    for (const take of this.#listeners) take(this.#reading, before);
  }
}
