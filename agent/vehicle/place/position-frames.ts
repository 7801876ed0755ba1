import { FRAME_DATA_OFFSET, FRAME_FLAG, FRAME_STRIDE_BYTES, type FrameBatch } from "../../ports/frame.ts";
import { createSignalTable } from "../../signals/build-table.ts";
import { LatestSignals } from "../../signals/latest-signals.ts";
import { filtersOf } from "../../signals/message-filters.ts";
import type { MessageEntry, SignalEntry } from "../../signals/signal-entry.ts";
import type { BusMessages, SignalTable } from "../../signals/signal-table.ts";
import type { TableSource } from "../../signals/table-source.ts";
import type { MessageAssembly } from "../../signals/transport/message-assembly.ts";
import type { BusFrames } from "../../signals/wanted-signals.ts";
import { Collector } from "../../telemetry/collect/collector.ts";

type Line = { readonly messages: BusMessages; readonly assembly: MessageAssembly | undefined };

/**
 * Decodes the messages that positions are read from apart from the line of samples, with a table of its own: so a position is known in the
 * vehicle while nothing of it may leave.
 */
export class PositionFrames {
  /** The newest values, by the entries that `entryOf` gives. */
  readonly latest: Pick<LatestSignals, "read">;
  readonly #table: SignalTable;
  readonly #collector: Collector;
  readonly #lines: ReadonlyMap<string, Line>;

  /** Of `sources` what holds one of `signals`. */
  constructor(sources: readonly TableSource[], signals: readonly SignalEntry[]) {
    const own = sources
      .filter(({ carriage = "frames" }) => carriage === "frames")
      .map((source) => {
        const messages = source.database.messages.filter(({ name, id, extended }) =>
          signals.some((one) => {
            const isMessage = one.message === name && one.arbitrationId === id && one.extended === extended;
            return isMessage && one.bus === source.bus;
          }),
        );
        return { ...source, database: { ...source.database, messages } };
      });
    this.#table = createSignalTable(own);
    this.#table.want(new Uint8Array(this.#table.signals.length).fill(1));
    this.#collector = new Collector(this.#table);
    this.latest = new LatestSignals(this.#table, this.#collector.latest);
    const buses = new Set(this.#table.messages.map(({ bus }) => bus));
    this.#lines = new Map(
      [...buses].map((bus) => {
        const messages = this.#table.bus(bus);
        return [bus, { messages, assembly: messages.assembly() }];
      }),
    );
  }

  /** The same signal in the table of its own, with the scale that `signal` has. Throws for one that it was not made for. */
  entryOf(signal: SignalEntry): SignalEntry {
    const own = this.#table.signals.find(
      ({ bus, message, arbitrationId, extended, name }) =>
        bus === signal.bus &&
        message === signal.message &&
        arbitrationId === signal.arbitrationId &&
        extended === signal.extended &&
        name === signal.name,
    );
    if (own === undefined) throw new TypeError(`no message of positions has ${signal.message}.${signal.name}`);
    return { ...signal, index: own.index, wide: own.wide };
  }

  /** What must be received for it. */
  frames(): readonly BusFrames[] {
    return [...this.#lines.keys()].map((bus) => {
      return { bus, filters: filtersOf(this.#table.messages.filter((message) => message.bus === bus)) };
    });
  }

  /** Whether it reads frames of this bus. */
  reads(bus: string): boolean {
    return this.#lines.has(bus);
  }

  take(bus: string, batch: FrameBatch): void {
    const line = this.#lines.get(bus);
    if (line === undefined) return;
    for (let at = 0; at < batch.count; at++) {
      const flags = batch.flags(at);
      if ((flags & (FRAME_FLAG.error | FRAME_FLAG.remote)) === 0) this.#takeFrame(line, batch, at);
    }
  }

  #takeFrame({ messages, assembly }: Line, batch: FrameBatch, at: number): void {
    const id = batch.id(at);
    const isExtended = (batch.flags(at) & FRAME_FLAG.extended) !== 0;
    const dataAt = at * FRAME_STRIDE_BYTES + FRAME_DATA_OFFSET;
    const timeUs = batch.receivedAtUs(at);
    const message = messages.find(id, isExtended);
    if (message !== undefined) {
      this.#decode(message, batch.bytes.subarray(dataAt, dataAt + batch.length(at)), id, timeUs);
      return;
    }
    if (assembly === undefined || !isExtended) return;
    const step = assembly.take(id, batch.bytes, dataAt, batch.length(at), timeUs);
    if (step === undefined || step === "part") return;
    this.#decode(step.message, step.whole.bytes, step.whole.id, step.whole.receivedAtUs);
  }

  #decode(message: MessageEntry, bytes: Uint8Array, id: number, timeUs: number): void {
    const { values, wides, present, slots } = this.#table;
    message.decode(bytes, 0, bytes.length, values, wides, present);
    const allPresent = !message.multiplexed && bytes.length >= message.neededBytes;
    const firstSlot = message.pgn === undefined ? message.firstSignal : slots.firstSlotOf(message, id);
    this.#collector.take(message, allPresent, timeUs, firstSlot);
  }
}
