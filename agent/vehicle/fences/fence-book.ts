import type { FenceConfig } from "../../../config/place-fences.ts";
import type { Journal } from "../../ports/journal.ts";
import type { JournalSpace } from "../../ports/journal-spaces.ts";
import type { FenceEvent } from "../../telemetry/record/encode/fence-event.ts";
import type { VehicleEvents } from "../events/vehicle-events.ts";
import type { TimedFix } from "../place/whereabouts.ts";
import { FenceLine, type Side } from "./fence-line.ts";
import { KEPT, keptFence } from "./kept-place.ts";

const SPACE: JournalSpace = "place";

export type FenceBookParts = {
  readonly fences: readonly FenceConfig[];
  readonly journal: Pick<Journal, "atomically" | "get" | "put">;
  readonly events: VehicleEvents;
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
    const { fences, journal } = parts;
    this.#parts = parts;
    this.#watched = fences.map(({ name, fixes, circle, polygon }) => {
      const shape = JSON.stringify(circle ?? polygon);
      const value = journal.get(SPACE, KEPT.fence(name));
      const kept = value === undefined ? undefined : keptFence.parse(value);
      const side = kept?.shape === shape ? kept.side : undefined;
      return { name, shape, line: new FenceLine({ circle, polygon }, fixes, side) };
    });
  }

  /** The fences by name, and whether the vehicle is inside; undefined where that is not known. */
  sides(): ReadonlyMap<string, Side | undefined> {
    return new Map(this.#watched.map(({ name, line }) => [name, line.side]));
  }

  take({ fix, timeUs }: TimedFix): void {
    for (const watched of this.#watched) {
      const before = watched.line.side;
      const changed = watched.line.take(fix);
      if (watched.line.side === before) continue;
      this.#keep(watched, changed, timeUs);
    }
  }

  #keep({ name, shape, line }: Watched, changed: Side | undefined, timeUs: number): void {
    const { journal, events, about } = this.#parts;
    const transition = changed === "inside" ? "enter" : "leave";
    const told = changed === undefined ? [] : [{ kind: "fence", name, transition, timeUs, ...about() } as const];
    const added = journal.atomically(() => {
      journal.put([{ space: SPACE, key: KEPT.fence(name), value: { side: line.side ?? "outside", shape } }]);
      return events.add(told);
    });
    events.handOver(added);
  }
}
