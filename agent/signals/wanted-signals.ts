import { type CanBus, EVERY_FRAME, type FrameFilter } from "../ports/can-bus.ts";
import { distinct, filtersOf } from "./message-filters.ts";
import type { MessageEntry, SignalEntry } from "./signal-entry.ts";
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

/** A bus, the messages that are known of its frames, and the filters that it has. */
type FilteredBus = {
  readonly bus: Pick<CanBus, "name" | "receive">;
  readonly messages: readonly MessageEntry[];
  filters: readonly FrameFilter[];
  hasNarrowed: boolean;
};

/**
 * Who wants which signals and frames, and what follows for all together: the filters of each bus, and the decoders of the table. What
 * nobody wants is neither received nor decoded.
 *
 * `want` and the release that it returns take effect with the next `settle`, all since the one before at once, so that an interest that
 * replaces another changes only what differs, and so that nothing changes while a frame is being taken.
 */
export class WantedSignals {
  readonly table: SignalTable;
  /** Holders of each signal. */
  readonly #holders: Uint32Array;
  readonly #wanted: Uint8Array;
  readonly #held = new Set<Held>();
  readonly #buses: FilteredBus[] = [];
  readonly #counters = { changes: 0, filterLists: 0, decoders: 0 };
  #isDirty = true;

  /** Nothing is wanted at first. */
  constructor(table: SignalTable) {
    this.table = table;
    this.#holders = new Uint32Array(table.signals.length);
    this.#wanted = new Uint8Array(table.signals.length);
  }

  /** Whether `settle` has something to do. */
  get isDirty(): boolean {
    return this.#isDirty;
  }

  /** The bus gets its filters from the next `settle` on; until then it should receive nothing. */
  attach(bus: Pick<CanBus, "name" | "receive">): void {
    const messages = this.table.messages.filter((message) => message.bus === bus.name && message.carriage === "frames");
    this.#buses.push({ bus, messages, filters: [], hasNarrowed: false });
    this.#isDirty = true;
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

  /** As `want`, but takes effect at once, as does its release. Not while a frame is being taken from the buffers of the table. */
  hold(name: string, interest: Interest): () => void {
    const release = this.want(name, interest);
    this.settle();
    return () => {
      release();
      this.settle();
    };
  }

  /** As `hold`, of signals alone. */
  holdSignals(name: string, signals: readonly SignalEntry[]): () => void {
    return this.hold(name, { signals: signals.map(({ index }) => index), frames: [] });
  }

  /** Every frame of a bus, or of all buses. */
  everyFrame(bus: string | undefined): Interest {
    const named = this.#buses.filter((one) => bus === undefined || one.bus.name === bus);
    return { signals: [], frames: named.map((one) => ({ bus: one.bus.name, filters: EVERY_FRAME })) };
  }

  /** Brings decoders and filters up to date. Not while a frame is being taken from the buffers of the table. */
  settle(): void {
    if (!this.#isDirty) return;
    this.#isDirty = false;
    this.#holders.forEach((holders, signal) => {
      this.#wanted[signal] = holders > 0 ? 1 : 0;
    });
    const decoders = this.table.want(this.#wanted);
    this.#counters.decoders += decoders;
    const before = this.#counters.filterLists;
    for (const attached of this.#buses) {
      const filters = this.#filtersOf(attached);
      attached.hasNarrowed ||= filters !== EVERY_FRAME && attached.messages.some((message) => !this.#isWanted(message));
      if (!isSame(filters, attached.filters)) this.#give(attached, filters);
    }
    if (decoders > 0 || this.#counters.filterLists > before) this.#counters.changes += 1;
  }

  /** Whether the filters have ever held back frames that the DBC files of the bus name, as nobody wanted them. */
  hasNarrowed(bus: string): boolean {
    return this.#buses.some((attached) => attached.bus.name === bus && attached.hasNarrowed);
  }

  /** Who wants something, in the order in which they came. */
  list(): readonly HeldInterest[] {
    return [...this.#held].map(({ name, interest: { signals, frames } }) => {
      const buses = [...signals.map((signal) => this.table.signals[signal].bus), ...frames.map(({ bus }) => bus)];
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

/** Every frame of the buses that no DBC file describes, so that it shows what is on them. */
export function undescribedBuses({ messages }: SignalTable, buses: readonly string[]): Interest {
  const described = new Set(messages.flatMap(({ bus, carriage }) => (carriage === "frames" ? [bus] : [])));
  const others = buses.filter((bus) => !described.has(bus));
  return { signals: [], frames: others.map((bus) => ({ bus, filters: EVERY_FRAME })) };
}

function isSame(left: readonly FrameFilter[], right: readonly FrameFilter[]): boolean {
  return left.length === right.length && left.every((filter, at) => isEqual(filter, right[at]));
}

function isEqual(left: FrameFilter, right: FrameFilter): boolean {
  return left.id === right.id && left.mask === right.mask && left.extended === right.extended;
}
