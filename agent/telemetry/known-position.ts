import type { Position } from "./record/encode/trigger.ts";

/** Where the vehicle is, for records of what happens: nowhere until somebody knows. */
export class KnownPosition {
  #source: () => Position | undefined = () => undefined;

  /** From now on `source` says it. */
  use(source: () => Position | undefined): void {
    this.#source = source;
  }

  /** As it may leave the vehicle; undefined where it is not known, not any more, or kept in the vehicle. */
  current(): Position | undefined {
    return this.#source();
  }
}
