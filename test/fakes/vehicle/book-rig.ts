import type { Energy } from "../../../agent/telemetry/record/encode/energy.ts";
import type { VehicleEvent } from "../../../agent/telemetry/record/encode/vehicle-event.ts";
import { vehicleEvents } from "../../../agent/vehicle/events/vehicle-events.ts";
import { StateBook } from "../../../agent/vehicle/state/state-book.ts";
import { ManualClock } from "../core/clock.ts";
import { MemoryLog } from "../core/log.ts";
import { DurableWrites } from "../ports/durable-writes.ts";
import { FakeJournal } from "../ports/journal.ts";

/** A vehicle whose agent keeps states and trips: journal and outbox stay over restarts, boots and power cuts. */
export class BookRig {
  readonly clock: ManualClock;
  readonly journal: FakeJournal;
  readonly writes = new DurableWrites();
  readonly log = new MemoryLog();
  /** What is in the outbox, in its order. */
  readonly outbox: VehicleEvent[] = [];
  readonly measured: { odometerKm?: number; energy?: Energy } = {};
  boot = 1;
  #stored: { number: number | undefined; trip: number | undefined } = { number: undefined, trip: undefined };

  constructor(clock = new ManualClock()) {
    this.clock = clock;
    this.journal = new FakeJournal({ clock });
  }

  /** The outbox has forgotten that it ever had an event. */
  loseOutbox(): void {
    this.#stored = { number: undefined, trip: undefined };
  }

  /** A start of the agent. */
  open(): StateBook {
    const { clock, log } = this;
    const journal = this.writes.journal(this.journal);
    const sink = this.writes.sink((event: VehicleEvent) => {
      this.outbox.push(event);
      this.#stored.number = event.number;
      if (event.kind === "trip") this.#stored.trip = event.trip;
    });
    const events = vehicleEvents({ journal, sink, storedNumber: this.#stored.number });
    const measure = {
      odometerKm: () => this.measured.odometerKm,
      energy: () => this.measured.energy,
      position: () => undefined,
    };
    const bootId = `boot ${this.boot}`;
    return new StateBook({ journal, events, storedTrip: this.#stored.trip, measure, bootId, clock, log });
  }
}
