import { FRAME_FLAG } from "../../ports/frame.ts";
import type { MessageEntry } from "../../signals/signal-entry.ts";
import type { BusMessages, SignalTable } from "../../signals/signal-table.ts";
import type { MessageAssembly } from "../../signals/transport/message-assembly.ts";

/** Gets a message that has been decoded into the buffers of the decoder, as `Collector.take` gets it: `firstSlot` is -1 for a sender without a slot. */
export type TakeMessage = (message: MessageEntry, allPresent: boolean, receivedAtUs: number, firstSlot: number) => void;

/**
 * Decodes frames of a capture into buffers of its own, as large as the table's, so that what is being decoded live stays untouched. As
 * there, a signal that is not wanted keeps what was in the buffers before.
 */
export class CaptureDecoder {
  /** As in `SignalTable`; of the message that `take` is called with. */
  readonly values: Float64Array;
  readonly wides: BigInt64Array;
  readonly present: Uint8Array;
  readonly #slots: SignalTable["slots"];
  readonly #messages: readonly BusMessages[];
  /** By bus. A message that began before the capture is none. */
  readonly #assemblies: readonly (MessageAssembly | undefined)[];
  readonly #take: TakeMessage;

  /** `messages` by the number of the bus. */
  constructor(table: SignalTable, messages: readonly BusMessages[], take: TakeMessage) {
    this.values = new Float64Array(table.values.length);
    this.wides = new BigInt64Array(table.wides.length);
    this.present = new Uint8Array(table.present.length);
    this.#slots = table.slots;
    this.#messages = messages;
    this.#assemblies = messages.map((bus) => bus.assembly());
    this.#take = take;
  }

  /** Decodes one frame, see `VisitFrame`; one that is no message, or no data frame, is passed over. */
  visit(
    bus: number,
    bytes: Uint8Array,
    at: number,
    length: number,
    id: number,
    flags: number,
    receivedAtUs: number,
  ): void {
    if ((flags & (FRAME_FLAG.error | FRAME_FLAG.remote)) !== 0) return;
    const extended = (flags & FRAME_FLAG.extended) !== 0;
    const message = this.#messages[bus]?.find(id, extended);
    if (message !== undefined) this.#decode(message, bytes, at, length, id, receivedAtUs);
    else if (extended) this.#takeOther(this.#assemblies[bus], bytes, at, length, id, receivedAtUs);
  }

  #takeOther(
    assembly: MessageAssembly | undefined,
    bytes: Uint8Array,
    at: number,
    length: number,
    id: number,
    receivedAtUs: number,
  ): void {
    if (assembly === undefined) return;
    const carrier = assembly.carrier(id);
    if (carrier !== undefined) this.#decode(carrier, bytes, at, length, id, receivedAtUs);
    const step = assembly.take(id, bytes, at, length, receivedAtUs);
    if (step === undefined || step === "part") return;
    this.#decode(step.message, step.whole.bytes, 0, step.whole.bytes.length, step.whole.id, receivedAtUs);
  }

  #decode(
    message: MessageEntry,
    bytes: Uint8Array,
    at: number,
    length: number,
    id: number,
    receivedAtUs: number,
  ): void {
    message.decode(bytes, at, length, this.values, this.wides, this.present);
    const allPresent = !message.multiplexed && length >= message.neededBytes;
    const firstSlot = message.pgn === undefined ? message.firstSignal : this.#slots.firstSlotOf(message, id);
    this.#take(message, allPresent, receivedAtUs, firstSlot);
  }
}
