import type { JournalSpace } from "../../ports/journal-spaces.ts";
import { NumberedEvents, type NumberedEventsParts } from "../../telemetry/durable-records/numbered-events.ts";
import type { CodeChange } from "../../telemetry/record/encode/trouble-code.ts";
import { keptEvent } from "./kept-code.ts";

const SPACE: JournalSpace = "trouble-codes";
const PENDING: JournalSpace = "trouble-code-event";

/** Events of trouble codes on their way to the outbox. */
export type CodeEvents = NumberedEvents<CodeChange>;

/** Events of trouble codes as `journal` has them. Throws the faults of the journal. */
export function codeEvents(parts: Omit<NumberedEventsParts<CodeChange>, "spaces" | "read">): CodeEvents {
  const { journal, sink, storedNumber } = parts;
  const read = (value: unknown) => keptEvent.parse(value);
  return new NumberedEvents({ journal, sink, storedNumber, spaces: { number: SPACE, pending: PENDING }, read });
}
