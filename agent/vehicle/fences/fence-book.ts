import type { FenceConfig } from "../../../config/place-fences.ts";
import type { FenceEvent } from "../../telemetry/record/encode/fence-event.ts";
import type { KeptChanges } from "../events/kept-changes.ts";
import type { TimedFix } from "../place/whereabouts.ts";
import { FenceLine, type Side } from "./fence-line.ts";
import { KEPT, keptFence } from "./kept-place.ts";

export type FenceBookParts = {
  readonly fences: readonly FenceConfig[];
  readonly kept: Pick<KeptChanges, "get" | "keep">;
  /** What is told with an event beside its fence. */
  readonly about: () => Pick<FenceEvent, "trip" | "odometerKm" | "position">;
};

type Watched = { readonly name: string; readonly shape: string; readonly line: FenceLine };

/** Fences as the journal has them: a side and the event that tells of it are stored together, so that a restart tells nothing twice. */
export class FenceBook {
  readonly #parts: FenceBookParts;
  readonly #watched: readonly Watched[];

  /** Throws the faults of the journal. A fence that was drawn anew begins as one that is not known. */
  constructor(parts: FenceBookParts) {
    this.#parts = parts;
    this.#watched = parts.fences.map(({ name, fixes, circle, polygon }) => {
      const shape = JSON.stringify(circle ?? polygon);
      const value = parts.kept.get(KEPT.fence(name));
      const kept = value === undefined ? undefined : keptFence.parse(value);
      const side = kept?.shape === shape ? kept.side : undefined;
      return { name, shape, line: new FenceLine({ circle, polygon }, fixes, side) };
    });
  }

  /** The fences by name, and whether the vehicle is inside; undefined where that is not known. */
  sides(): ReadonlyMap<string, Side | undefined> {
    return new Map(this.#watched.map(({ name, line }) => [name, line.side]));
  }

  /** Throws the faults of the journal: the sides have changed all the same. */
  take({ fix, timeUs }: TimedFix): void {
    const { kept, about } = this.#parts;
    const changes = this.#watched.flatMap(({ name, shape, line }) => {
      const before = line.side;
      const changed = line.take(fix);
      const { side } = line;
      return side === undefined || side === before ? [] : [{ name, shape, side, changed }];
    });
    if (changes.length === 0) return;
    const told = changes.flatMap(({ name, changed }) => {
      if (changed === undefined) return [];
      const transition = changed === "inside" ? "enter" : "leave";
      return [{ kind: "fence", name, transition, timeUs, ...about() } as const];
    });
    kept.keep(
      changes.map(({ name, shape, side }) => [KEPT.fence(name), { side, shape }] as const),
      told,
    );
  }
}
