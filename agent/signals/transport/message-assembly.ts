import { isFastPacket, isMultiPacket, pgnOf } from "../pgn.ts";
import { PgnMessages } from "../pgn-messages.ts";
import type { MessageEntry } from "../signal-entry.ts";
import type { AssembledMessage } from "./assembled-message.ts";
import { FastPackets } from "./fast-packets.ts";
import { J1939Transport, TP_CM, TP_DT } from "./j1939-transport.ts";
import { type AssemblyCounters, noCounts } from "./partial-messages.ts";

type FindMessage = (id: number, extended: boolean) => MessageEntry | undefined;

/** A message of the table that came in several frames. */
export type WholeMessage = { readonly message: MessageEntry; readonly whole: AssembledMessage };

/** The messages of one bus that come in several frames: what `MessageAssembly` goes by. */
export class MultiPacketMessages {
  /** Groups of NMEA 2000 fast packets. */
  readonly fast: ReadonlySet<number>;
  /** Those and all others that come in several frames. */
  readonly groups: ReadonlySet<number>;
  readonly #messages: PgnMessages;

  constructor(messages: readonly MessageEntry[]) {
    const own = messages.filter(isMultiPacket);
    const groupsOf = (some: readonly MessageEntry[]) => new Set(some.map(({ arbitrationId }) => pgnOf(arbitrationId)));
    this.groups = groupsOf(own);
    this.fast = groupsOf(own.filter(({ arbitrationId, length }) => isFastPacket(pgnOf(arbitrationId), length)));
    this.#messages = new PgnMessages(own);
  }

  /** The message that a whole one is, as `PgnMessages` finds it. */
  find(id: number): MessageEntry | undefined {
    return this.#messages.find(id);
  }
}

/**
 * Puts the messages of one bus together that come in several frames: by the J1939 transport protocol, and as NMEA 2000 fast packets.
 * Who reads the same frames twice needs one for each time.
 */
export class MessageAssembly {
  readonly #carrier: FindMessage;
  readonly #known: MultiPacketMessages;
  readonly #counts = noCounts();
  readonly #transport: J1939Transport;
  readonly #fast: FastPackets;

  /** `carrier`: what the DBC files say that a frame of the transport protocol is itself. */
  constructor(known: MultiPacketMessages, carrier: FindMessage) {
    this.#carrier = carrier;
    this.#known = known;
    this.#transport = new J1939Transport(this.#counts, (pgn) => known.groups.has(pgn));
    this.#fast = new FastPackets(this.#counts);
  }

  /** Takes a frame with a 29-bit id that no message of the bus is; see `J1939Transport.take`. On the frame path: makes an object a message. */
  take(
    id: number,
    bytes: Uint8Array,
    at: number,
    length: number,
    receivedAtUs: number,
  ): WholeMessage | "part" | undefined {
    const step = this.#known.fast.has(pgnOf(id))
      ? this.#fast.take(id, bytes, at, length, receivedAtUs)
      : this.#transport.take(id, bytes, at, length, receivedAtUs);
    if (step === undefined || step === "part") return step;
    const message = this.#known.find(step.id);
    return message === undefined ? "part" : { message, whole: step };
  }

  /**
   * The message that a frame with this 29-bit id is itself and that carries others: some DBC files name those of the transport protocol
   * too, and `find` does not. On the frame path.
   */
  carrier(id: number): MessageEntry | undefined {
    return isTransport(pgnOf(id)) ? this.#carrier(id, true) : undefined;
  }

  counters(): AssemblyCounters {
    return { ...this.#counts };
  }
}

/** Whether the message is a frame of the transport protocol itself, as some DBC files have them. */
export function isCarrier({ arbitrationId, extended }: MessageEntry): boolean {
  return extended && isTransport(pgnOf(arbitrationId));
}

function isTransport(pgn: number): boolean {
  return pgn === TP_CM || pgn === TP_DT;
}
