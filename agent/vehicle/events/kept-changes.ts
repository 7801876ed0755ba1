import type { Json } from "../../core/canonical-json.ts";
import type { Journal } from "../../ports/journal.ts";
import type { JournalSpace } from "../../ports/journal-spaces.ts";
import type { VehicleChange } from "../../telemetry/record/encode/vehicle-event.ts";
import type { VehicleEvents } from "./vehicle-events.ts";

/** Changes that wait for the journal in memory; the oldest goes beyond it. */
const MAX_UNKEPT = 100;

export type KeptChangesParts = {
  readonly journal: Pick<Journal, "atomically" | "get" | "put">;
  readonly space: JournalSpace;
  readonly events: VehicleEvents;
};

/** Documents of a space and the events that tell of them: stored together, so that a restart tells nothing twice, or waiting together. */
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
    const { journal, space } = this.#parts;
    return journal.get(space, key);
  }

  /** Stores `values` by key, and `changes` as events. Throws the faults of the journal: then both wait for the next call. */
  keep(values: Iterable<readonly [key: string, value: Json]>, changes: readonly VehicleChange[]): void {
    for (const [key, value] of values) this.#values.set(key, value);
    this.#changes = [...this.#changes, ...changes];
    try {
      this.retry();
    } finally {
      this.#dropped += Math.max(0, this.#changes.length - MAX_UNKEPT);
      this.#changes = this.#changes.slice(-MAX_UNKEPT);
    }
  }

  /** Stores what waits, if anything does. Throws the faults of the journal. */
  retry(): void {
    if (this.#values.size === 0) return;
    const { journal, space, events } = this.#parts;
    const added = journal.atomically(() => {
      journal.put([...this.#values].map(([key, value]) => ({ space, key, value })));
      return events.add(this.#changes);
    });
    this.#values.clear();
    this.#changes = [];
    events.handOver(added);
  }
}
