import type {
  OpenTrip,
  StateReading,
  VehicleState,
  VehicleStates,
} from "../../../agent/vehicle/state/vehicle-state.ts";

/** States of a vehicle that the test sets. A trip lasts as long as "driving", which is as long as the ignition is on. */
export class FakeVehicleStates implements VehicleStates {
  readonly #listeners = new Set<(reading: StateReading, before: StateReading) => void>();
  #reading: StateReading = { state: "parked", sinceMs: 0, why: "not known yet" };
  #trips = 0;
  #trip: OpenTrip | undefined;

  now(): StateReading {
    return this.#reading;
  }

  trip(): OpenTrip | undefined {
    return this.#trip;
  }

  isIgnitionOn(): boolean {
    return this.#reading.state === "driving";
  }

  onChange(take: (reading: StateReading, before: StateReading) => void): () => void {
    this.#listeners.add(take);
    return () => this.#listeners.delete(take);
  }

  /** The vehicle does this from now on. */
  enter(state: VehicleState, atMs = 0, why = "the test says so"): void {
    const before = this.#reading;
    this.#reading = { state, sinceMs: atMs, why };
    this.#trip = state === "driving" ? { number: ++this.#trips, startedAtUs: atMs * 1000 } : undefined;
    for (const take of this.#listeners) take(this.#reading, before);
  }
}
