/** What campaigns may ask of the vehicle's state. */
export type VehicleFact = {
  readonly state: "driving" | "parked" | "asleep-soon";
  /** Number of the trip that has begun; 0 while there is none. */
  readonly trip: number;
  readonly isIgnitionOn: boolean;
};

/** The vehicle's state, for campaigns: undefined until somebody knows it. */
export class VehicleFacts {
  #fences: () => ReadonlyMap<string, "inside" | "outside" | undefined> = () => new Map();
  #source: () => VehicleFact | undefined = () => undefined;

  /** From now on `source` says it. */
  use(source: () => VehicleFact): void {
    this.#source = source;
  }

  /** From now on `sides` says on which side of each fence the vehicle is; undefined where that is not known. */
  useFences(sides: () => ReadonlyMap<string, "inside" | "outside" | undefined>): void {
    this.#fences = sides;
  }

  fences(): ReadonlyMap<string, "inside" | "outside" | undefined> {
    return this.#fences();
  }

  now(): VehicleFact | undefined {
    return this.#source();
  }
}
