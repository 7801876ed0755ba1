import type { SlotBook, SlotState } from "../../../agent/consumer/worker/slots.ts";

/** Slots in memory; `isAway` makes it fail. */
export class MemorySlots implements SlotBook {
  readonly states = new Map<number, SlotState>();
  isAway = false;

  async read(slot: number): Promise<SlotState | undefined> {
    this.#ask();
    return this.states.get(slot);
  }

  async write(slot: number, state: SlotState, before: SlotState | undefined): Promise<boolean> {
    this.#ask();
    const known = this.states.get(slot);
    if (known?.owner !== before?.owner || known?.untilMs !== before?.untilMs) return false;
    this.states.set(slot, state);
    return true;
  }

  #ask(): void {
    if (this.isAway) throw new Error("the store is away");
  }
}
