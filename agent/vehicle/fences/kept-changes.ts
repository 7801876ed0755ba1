import type { Json } from "../../core/canonical-json.ts";
import type { Journal } from "../../ports/journal.ts";
import type { JournalSpace } from "../../ports/journal-spaces.ts";
import type { VehicleChange } from "../../telemetry/record/encode/vehicle-event.ts";
import type { VehicleEvents } from "../events/vehicle-events.ts";

const SPACE: JournalSpace = "place";
/** Changes that wait for the journal in memory; the oldest goes beyond it. */
const MAX_UNKEPT = 100;

export type KeptChangesParts = {
  readonly journal: Pick<Journal, "atomically" | "get" | "put">;
  readonly events: VehicleEvents;
};

/** Documents of the space "place" and the events that tell of them: stored together, so that a restart tells nothing twice, or waiting together. */
export class KeptChanges {
  readonly #parts: KeptChangesParts;
  readonly #values = new Map<string, Json>();
  #changes: readonly VehicleChange[] = [];
  #dropped = 0;

  constructor(parts: KeptChangesParts) {
    this.#parts = parts;
  }

  /** Changes that the journal does not have yet, and those that were given up for want of room, since start. */
  get unkept(): { readonly waiting: number; readonly dropped: number } {
    return { waiting: this.#changes.length, dropped: this.#dropped + this.#parts.events.dropped };
  }

  /** As the journal has it. Throws its faults. */
  get(key: string): Json | undefined {
    return this.#parts.journal.get(SPACE, key);
  }

  /** Stores `values` by key, and `changes` as events. Throws the faults of the journal: then both wait for the next call. */
  keep(values: Iterable<readonly [key: string, value: Json]>, changes: readonly VehicleChange[]): void {
    for (const [key, value] of values) this.#values.set(key, value);
    const all = [...this.#changes, ...changes];
    this.#changes = all.slice(-MAX_UNKEPT);
    this.#dropped += all.length - this.#changes.length;
    this.retry();
  }

  /** Stores what waits, if anything does. Throws the faults of the journal. */
  retry(): void {
    if (this.#values.size === 0) return;
    const { journal, events } = this.#parts;
    const added = journal.atomically(() => {
      journal.put([...this.#values].map(([key, value]) => ({ space: SPACE, key, value })));
      return events.add(this.#changes);
    });
    this.#values.clear();
    this.#changes = [];
    events.handOver(added);
  }
}
