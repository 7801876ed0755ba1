import { destinationOf, sourceOf } from "./pgn.ts";
import type { MessageEntry, SignalEntry } from "./signal-entry.ts";

/** Who sent a frame whose message is known by its PGN. */
export type Origin = {
  /** Source address, 0..255. */
  readonly source: number;
  /** Destination address, 0..255 with 255 for all; undefined where the group has none (PDU2). */
  readonly destination: number | undefined;
};

/** The signals of one message as one sender sends them. */
export type SenderSlots = { readonly message: MessageEntry; readonly origin: Origin; readonly firstSlot: number };

/**
 * Numbers for what is collected. A signal has its index in the table as its slot; a signal of a message that is known by its PGN has a
 * slot beyond the table for each sender, given when its first frame comes: two control units that send one group are two signals.
 */
export class SignalSlots {
  /** Slots that there can be. */
  readonly capacity: number;
  /** In the order of their first frames. */
  readonly senders: SenderSlots[] = [];
  readonly #signals: SignalEntry[];
  /** Index of the message, or beyond the messages of the sender. */
  readonly #groups: Uint32Array;
  readonly #origins: (Origin | undefined)[];
  readonly #messageCount: number;
  readonly #senderOf = new Map<number, SenderSlots>();

  constructor(messages: readonly MessageEntry[], signals: readonly SignalEntry[], maxSenderSignals: number) {
    const isNeeded = messages.some(({ pgn }) => pgn !== undefined);
    this.capacity = signals.length + (isNeeded ? maxSenderSignals : 0);
    this.#signals = [...signals];
    this.#origins = signals.map(() => undefined);
    this.#groups = new Uint32Array(this.capacity);
    this.#messageCount = messages.length;
    for (const { index, firstSignal, signalCount } of messages) {
      this.#groups.fill(index, firstSignal, firstSignal + signalCount);
    }
  }

  /** Slots given so far. */
  get count(): number {
    return this.#signals.length;
  }

  signalOf(slot: number): SignalEntry {
    return this.#signals[slot];
  }

  originOf(slot: number): Origin | undefined {
    return this.#origins[slot];
  }

  /** Equal for the signals of one message from one sender, which come in one frame. */
  groupOf(slot: number): number {
    return this.#groups[slot];
  }

  /** The slot of the first signal of a message that is known by its PGN, as the sender of this id sends it; -1 when there is no room for it. */
  firstSlotOf(message: MessageEntry, id: number): number {
    // 16 bits of addresses; of a PDU2 id the upper 8 are part of its PGN, and equal in all of its frames.
    const key = message.index * 65_536 + (id & 0xffff);
    return (this.#senderOf.get(key) ?? this.#add(message, id, key))?.firstSlot ?? -1;
  }

  #add(message: MessageEntry, id: number, key: number): SenderSlots | undefined {
    const firstSlot = this.count;
    if (firstSlot + message.signalCount > this.capacity) return undefined;
    const origin = { source: sourceOf(id), destination: destinationOf(id) };
    const sender = { message, origin, firstSlot };
    this.#groups.fill(this.#messageCount + this.senders.length, firstSlot, firstSlot + message.signalCount);
    for (let signal = message.firstSignal; signal < message.firstSignal + message.signalCount; signal++) {
      this.#signals.push(this.#signals[signal]);
      this.#origins.push(origin);
    }
    this.senders.push(sender);
    this.#senderOf.set(key, sender);
    return sender;
  }
}
