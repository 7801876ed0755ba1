/** What a vehicle is doing: "driving" is with the ignition on, "parked" without it, "asleep-soon" parked for so long that it may go to sleep. */
export const VEHICLE_STATES = ["driving", "parked", "asleep-soon"] as const;
export type VehicleState = (typeof VEHICLE_STATES)[number];

/** A state, and since when. */
export type StateReading = {
  readonly state: VehicleState;
  /** Monotonic ms. */
  readonly sinceMs: number;
  /** For people: "ignition on: Body.Terminal15 > 0.5", "buses silent for 30 s", "command". */
  readonly why: string;
};

/** A trip that has begun and not ended. */
export type OpenTrip = {
  /** Counts the trips that the vehicle's journal has seen, from 1. */
  readonly number: number;
  /** µs since the Unix epoch, as the clock was then. */
  readonly startedAtUs: number;
};

/** What the vehicle is doing, for all who go by it. */
export interface VehicleStates {
  /** Before anything is known: parked. */
  now(): StateReading;
  /** Calls `take` after each change, in order, synchronously, until the returned function is called. */
  onChange(take: (reading: StateReading, before: StateReading) => void): () => void;
  /** Undefined while there is none. */
  trip(): OpenTrip | undefined;
  /** Whether the ignition is on, debounced. */
  isIgnitionOn(): boolean;
}
