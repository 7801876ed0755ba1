import type { SignalEntry } from "../../../signals/signal-entry.ts";
import type { Origin, SenderSlots } from "../../../signals/signal-slots.ts";
import { tableId } from "../../../signals/table-id.ts";
import type { OutputSchema } from "../../collect/lane.ts";

/** A column of a campaign's own table. */
export type OutputColumn = {
  /** What readers of its records see; its index is its place among the columns. */
  readonly entry: SignalEntry;
  /** Equal for columns whose samples come in the same frames. */
  readonly group: number;
};

type SenderColumn = { readonly column: number; readonly origin: Origin; readonly group: number };

/** Groups of senders lie above those of messages. */
const SENDER_GROUPS = 2 ** 24;

/**
 * Slots of a campaign's own table: one a column, and beyond them one for each column as a J1939 sender sends it, given when its first
 * frame comes.
 */
export class OutputSlots {
  readonly capacity: number;
  readonly #columns: readonly OutputColumn[];
  readonly #senders: SenderColumn[] = [];
  readonly #slotOf = new Map<string, number>();

  constructor(columns: readonly OutputColumn[], maxSenderColumns: number) {
    this.#columns = columns;
    this.capacity = columns.length + maxSenderColumns;
  }

  get count(): number {
    return this.#columns.length + this.#senders.length;
  }

  signalOf(slot: number): SignalEntry {
    return this.#columns[this.#senderAt(slot)?.column ?? slot].entry;
  }

  originOf(slot: number): Origin | undefined {
    return this.#senderAt(slot)?.origin;
  }

  groupOf(slot: number): number {
    return this.#senderAt(slot)?.group ?? this.#columns[slot].group;
  }

  /** The slot for `column` as `sender` sends it; undefined when there is no more room. */
  slotFor(column: number, sender: SenderSlots): number | undefined {
    const key = `${column} ${sender.firstSlot}`;
    return this.#slotOf.get(key) ?? this.#add(key, column, sender);
  }

  #add(key: string, column: number, { origin, firstSlot }: SenderSlots): number | undefined {
    const slot = this.count;
    if (slot >= this.capacity) return undefined;
    this.#senders.push({ column, origin, group: SENDER_GROUPS + firstSlot });
    this.#slotOf.set(key, slot);
    return slot;
  }

  #senderAt(slot: number): SenderColumn | undefined {
    return this.#senders[slot - this.#columns.length];
  }
}

/** A table of a campaign's own, for records that hold more than samples of DBC signals: a signal for each column. */
export function campaignSchema(
  columns: readonly OutputColumn[],
  maxSenderColumns: number,
  vssRelease: string | undefined,
): OutputSchema & { readonly slots: OutputSlots } {
  const signals = columns.map(({ entry }) => entry);
  return { id: tableId(signals, vssRelease), vssRelease, signals, slots: new OutputSlots(columns, maxSenderColumns) };
}
