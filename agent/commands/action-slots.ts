import type { Action } from "./action.ts";

/** How many commands may be under way at a time, and how many reads besides. */
export type SlotBounds = { readonly maxRunning: number; readonly maxReading: number };

/** Slots for actions under way, each by the ledger's id of its command. Reads have slots of their own. */
export class ActionSlots {
  readonly #bounds: SlotBounds;
  readonly #taken = new Map<string, Action>();

  constructor(bounds: SlotBounds) {
    this.#bounds = bounds;
  }

  /** Actions under way. */
  get size(): number {
    return this.#taken.size;
  }

  take(ledgerId: string, action: Action): void {
    this.#taken.set(ledgerId, action);
  }

  release(ledgerId: string): void {
    this.#taken.delete(ledgerId);
  }

  /** Those that were taken before `ledgerId`, as slots of their own. */
  before(ledgerId: string): ActionSlots {
    const earlier = new ActionSlots(this.#bounds);
    for (const [id, action] of this.#taken) {
      if (id === ledgerId) break;
      earlier.take(id, action);
    }
    return earlier;
  }

  /** What takes all the slots of actions like this one, as "4 reads"; undefined while one is free. */
  fullOf({ commandClass }: Action): string | undefined {
    const isRead = commandClass === "R0";
    const { maxReading, maxRunning } = this.#bounds;
    const alike = [...this.#taken.values()].filter((other) => (other.commandClass === "R0") === isRead).length;
    return alike < (isRead ? maxReading : maxRunning) ? undefined : `${alike} ${isRead ? "reads" : "commands"}`;
  }

  /** One under way that uses something that this action must use alone. */
  rivalOf(action: Action): Action | undefined {
    return [...this.#taken.values()].find(({ uses }) => uses.some((one) => action.uses.includes(one)));
  }
}
