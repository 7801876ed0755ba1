import type { FrameFilter } from "../ports/can-bus.ts";
import type { MessageEntry, SignalEntry } from "./signal-entry.ts";
import type { SignalSlots } from "./signal-slots.ts";
import type { SignalStates } from "./signal-states.ts";
import type { MessageAssembly } from "./transport/message-assembly.ts";

/** The messages of one bus by arbitration id or parameter group. */
export interface BusMessages {
  /** The message with this id, else the one with its PGN, or undefined. Called once a frame. */
  find(id: number, extended: boolean): MessageEntry | undefined;
  /** Receive filters that let through every message of the table and little else, however many; `EVERY_FRAME` for a bus without messages. */
  readonly filters: readonly FrameFilter[];
  /** A new one, for frames that `find` does not find; undefined where no message of the bus comes in several frames. */
  assembly(): MessageAssembly | undefined;
}

/** Every signal the agent knows, over all buses, with the buffers that decoding writes to. */
export type SignalTable = {
  /** First 16 hexadecimal digits of the SHA-256 over the canonical table: equal ids, equal meaning of every column. */
  readonly id: string;
  /** Release of the Vehicle Signal Specification that `SignalEntry.vss` is of, for example "6.0"; undefined where no signal has it. */
  readonly vssRelease?: string | undefined;
  readonly messages: readonly MessageEntry[];
  readonly signals: readonly SignalEntry[];
  readonly values: Float64Array;
  readonly wides: BigInt64Array;
  readonly present: Uint8Array;
  /**
   * One byte a signal: 1 while somebody wants it. Only of those the buffers above say anything; the others may hold what an earlier
   * frame left. All are wanted until `want` says otherwise.
   */
  readonly wanted: Uint8Array;
  /** One byte a message: 1 while somebody wants a signal of it. */
  readonly wantedMessages: Uint8Array;
  /** Undefined where no signal has any. */
  readonly states?: SignalStates | undefined;
  readonly slots: SignalSlots;
  /**
   * From the next frame on `MessageEntry.decode` decodes the signals whose byte in `wanted` is 1, and no others. Returns of how many
   * messages that changed the decoder. Not while a frame is being taken from the buffers, and not for the frame path.
   */
  want(wanted: Uint8Array): number;
  /** Messages of the bus with this name; a bus without a DBC has none. */
  bus(name: string): BusMessages;
};
