import { type CanBus, EVERY_FRAME, type FrameFilter } from "../ports/can-bus.ts";
import { distinct, filtersOf } from "./message-filters.ts";
import type { MessageEntry } from "./signal-entry.ts";
import type { SignalTable } from "./signal-table.ts";

/** What somebody wants of the buses; both lists may be empty. */
export type Interest = {
  /** Signals to decode, by their index in the table: with them the frames of their messages are received. */
  readonly signals: readonly number[];
  /** Frames to receive, whether a DBC file names them or not: of a capture, a black box, a log. */
  readonly frames: readonly BusFrames[];
};

/** Frames of one bus that one of `filters` lets through; `EVERY_FRAME` for the whole bus. */
export type BusFrames = { readonly bus: string; readonly filters: readonly FrameFilter[] };

/** An interest that is held, for people. */
export type HeldInterest = { readonly name: string; readonly signals: number; readonly buses: readonly string[] };

/** What changed since start. */
export type WantedCounters = {
  /** Times that `settle` found something to change. */
  readonly changes: number;
  /** Lists of filters given to buses, the first ones included. */
  readonly filterLists: number;
  /** Decoders exchanged. */
  readonly decoders: number;
};

type Held = { readonly name: string; readonly interest: Interest };

/** A bus, the messages that are known of it, and the filters that it has. */
type FilteredBus = {
  readonly bus: Pick<CanBus, "name" | "receive">;
  readonly messages: readonly MessageEntry[];
  filters: readonly FrameFilter[];
};

/**
 * Who wants which signals and frames, and what follows for all together: the filters of each bus, and the decoders of the table. What
 * nobody wants is neither received nor decoded.
 *
 * `want` and the release that it returns take effect with the next `settle`, all since the one before at once: the pipeline settles
 * after each batch of frames and with each flush, so what is wanted from inside the frame path never changes the frame that is being
 * taken. Elsewhere `settle` may follow at once. Of an interest that replaces another only what differs is a change.
 */
export class WantedSignals {
  readonly #table: SignalTable;
  /** Holders of each signal. */
  readonly #holders: Uint32Array;
  readonly #wanted: Uint8Array;
  readonly #held = new Set<Held>();
  readonly #buses: FilteredBus[] = [];
  readonly #counters = { changes: 0, filterLists: 0, decoders: 0 };
  #isDirty = true;

  /** Nothing is wanted at first. */
  constructor(table: SignalTable) {
    this.#table = table;
    this.#holders = new Uint32Array(table.signals.length);
    this.#wanted = new Uint8Array(table.signals.length);
  }

  /** Whether `settle` has something to do. */
  get isDirty(): boolean {
    return this.#isDirty;
  }

  /** The bus gets its filters from now on, the first ones at once. */
  attach(bus: Pick<CanBus, "name" | "receive">): void {
    const messages = this.#table.messages.filter((message) => message.bus === bus.name);
    const attached: FilteredBus = { bus, messages, filters: [] };
    this.settle();
    this.#give(attached, this.#filtersOf(attached));
    this.#buses.push(attached);
  }

  /** Holds an interest until the returned function is called, which may be called again. `name` is for people. */
  want(name: string, interest: Interest): () => void {
    const held = { name, interest };
    this.#held.add(held);
    for (const signal of interest.signals) this.#holders[signal] += 1;
    this.#isDirty = true;
    return () => {
      if (!this.#held.delete(held)) return;
      for (const signal of interest.signals) this.#holders[signal] -= 1;
      this.#isDirty = true;
    };
  }

  /** Brings decoders and filters up to date. Not while a frame is being taken from the buffers of the table. */
  settle(): void {
    if (!this.#isDirty) return;
    this.#isDirty = false;
    this.#holders.forEach((holders, signal) => {
      this.#wanted[signal] = holders > 0 ? 1 : 0;
    });
    const decoders = this.#table.want(this.#wanted);
    this.#counters.decoders += decoders;
    const before = this.#counters.filterLists;
    for (const attached of this.#buses) {
      const filters = this.#filtersOf(attached);
      if (!isSame(filters, attached.filters)) this.#give(attached, filters);
    }
    if (decoders > 0 || this.#counters.filterLists > before) this.#counters.changes += 1;
  }

  /** Whether the filters hold back frames that the DBC files of the bus name, as nobody wants them. */
  isNarrowed(bus: string): boolean {
    const attached = this.#buses.find((one) => one.bus.name === bus);
    if (attached === undefined || attached.filters === EVERY_FRAME) return false;
    return attached.messages.some((message) => !this.#isWanted(message));
  }

  /** Who wants something, in the order in which they came. */
  list(): readonly HeldInterest[] {
    return [...this.#held].map(({ name, interest: { signals, frames } }) => {
      const buses = [...signals.map((signal) => this.#table.signals[signal].bus), ...frames.map(({ bus }) => bus)];
      return { name, signals: signals.length, buses: [...new Set(buses)] };
    });
  }

  counters(): WantedCounters {
    return { ...this.#counters };
  }

  #give(attached: FilteredBus, filters: readonly FrameFilter[]): void {
    attached.filters = filters;
    attached.bus.receive(filters);
    this.#counters.filterLists += 1;
  }

  #filtersOf({ bus, messages }: FilteredBus): readonly FrameFilter[] {
    const frames = [...this.#held].flatMap(({ interest }) =>
      interest.frames.flatMap((own) => (own.bus === bus.name ? own.filters : [])),
    );
    const filters = distinct([...filtersOf(messages.filter((message) => this.#isWanted(message))), ...frames]);
    return EVERY_FRAME.every((every) => filters.some((filter) => isEqual(every, filter))) ? EVERY_FRAME : filters;
  }

  #isWanted({ firstSignal, signalCount }: MessageEntry): boolean {
    return this.#wanted.subarray(firstSignal, firstSignal + signalCount).includes(1);
  }
}

/** All signals, and every frame of the buses that no DBC file describes: what a bus receives while nothing is chosen. */
export function everySignal({ messages, signals }: SignalTable, buses: readonly string[]): Interest {
  const described = new Set(messages.map(({ bus }) => bus));
  const others = buses.filter((bus) => !described.has(bus));
  return {
    signals: signals.map(({ index }) => index),
    frames: others.map((bus) => ({ bus, filters: EVERY_FRAME })),
  };
}

function isSame(left: readonly FrameFilter[], right: readonly FrameFilter[]): boolean {
  return left.length === right.length && left.every((filter, at) => isEqual(filter, right[at]));
}

function isEqual(left: FrameFilter, right: FrameFilter): boolean {
  return left.id === right.id && left.mask === right.mask && left.extended === right.extended;
}
