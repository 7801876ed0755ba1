import type { JournalSpace } from "../../ports/journal-spaces.ts";
import { NumberedEvents, type NumberedEventsParts } from "../../telemetry/durable-records/numbered-events.ts";
import type { VehicleChange } from "../../telemetry/record/encode/vehicle-event.ts";
import { keptEvent } from "./kept-event.ts";

const SPACE: JournalSpace = "vehicle-events";
const PENDING: JournalSpace = "vehicle-event";

/** Events of the vehicle on their way to the outbox, of all kinds. */
export type VehicleEvents = NumberedEvents<VehicleChange>;

/** Events of the vehicle as `journal` has them; once in a process. Throws the faults of the journal. */
export function vehicleEvents(parts: Omit<NumberedEventsParts<VehicleChange>, "spaces" | "read">): VehicleEvents {
  const { journal, sink, storedNumber } = parts;
  const read = (value: unknown) => keptEvent.parse(value);
  return new NumberedEvents<VehicleChange>({
    journal,
    sink,
    storedNumber,
    spaces: { number: SPACE, pending: PENDING },
    read,
  });
}
