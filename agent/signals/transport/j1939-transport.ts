import { destinationOf, idOf, pgnOf, sourceOf } from "../pgn.ts";
import type { AssemblyStep } from "./assembled-message.ts";
import type { AssemblyCounts } from "./partial-messages.ts";
import { PartialMessages } from "./partial-messages.ts";

/** Parameter groups of the transport protocol (SAE J1939-21, 5.10): connection management and data transfer; both PDU1, with a destination. */
export const TP_CM = 0xec00;
export const TP_DT = 0xeb00;
export const TRANSPORT_GROUPS = [TP_CM, TP_DT] as const;
/** Connection management of the extended transport protocol (ISO 11783-3). */
const ETP_CM = 0xc800;
const ETP_RTS = 20;
/** What `J1939Transport` has to get: the frames of messages, and those that say that one is too long for it. */
export const HEARD_GROUPS = [...TRANSPORT_GROUPS, ETP_CM] as const;

/** First byte of a TP.CM frame. The group that it is about is in its last three bytes, little endian. */
export const TP_CONTROL = { rts: 16, cts: 17, endOfMessage: 19, bam: 32, abort: 255 } as const;

/** Sizes of messages of the transport protocol. */
export const TP_MIN_BYTES = 9;
export const TP_MAX_BYTES = 1785;
const PACKET_BYTES = 7;
const FRAME_BYTES = 8;

/**
 * Longest times between two frames (SAE J1939-21, 5.10.2.4): T1 of a message to all; of a connection T2 and T3, within which somebody
 * must speak, the receiver too when it asks for patience (T4, 1050 ms).
 */
const BROADCAST_PATIENCE_US = 750_000;
const CONNECTION_PATIENCE_US = 1_250_000;

/**
 * Puts the messages of the J1939 transport protocol together that others on the bus send each other, or all (BAM). It says nothing
 * itself: of packets that a receiver asks for again it takes those that it had missed.
 *
 * One message at a time goes from a source to a destination; any number of such pairs may speak at once, up to a bound.
 */
export class J1939Transport {
  readonly #partials: PartialMessages;
  readonly #isWanted: (pgn: number) => boolean;

  constructor(counts: AssemblyCounts, isWanted: (pgn: number) => boolean) {
    this.#partials = new PartialMessages(counts);
    this.#isWanted = isWanted;
  }

  /** Messages that are begun. */
  get size(): number {
    return this.#partials.size;
  }

  /** Takes a frame with this 29-bit id; its data are `bytes[at] .. bytes[at + length - 1]`. On the frame path: makes an object a message. */
  take(id: number, bytes: Uint8Array, at: number, length: number, receivedAtUs: number): AssemblyStep {
    switch ((id >>> 8) & 0x3ff00) {
      case TP_DT:
        return this.#takeData(id, bytes, at, length, receivedAtUs);
      case TP_CM:
        return this.#takeControl(id, bytes, at, length, receivedAtUs);
      case ETP_CM:
        this.#noteExtended(bytes, at, length);
        return undefined;
      default:
        return undefined;
    }
  }

  #takeControl(id: number, bytes: Uint8Array, at: number, length: number, nowUs: number): AssemblyStep {
    if (length < FRAME_BYTES) return this.#noteMalformed();
    const pgn = controlledPgn(bytes, at);
    const [sent, answered] = [keyOf(id), reverseKeyOf(id)];
    switch (bytes[at]) {
      case TP_CONTROL.bam:
      case TP_CONTROL.rts:
        return this.#begin(sent, pgn, bytes, at, nowUs);
      case TP_CONTROL.cts:
        return this.#hear(answered, pgn, nowUs);
      case TP_CONTROL.endOfMessage:
        return this.#giveUp(answered, pgn, "missed", nowUs);
      case TP_CONTROL.abort: {
        const bySender = this.#giveUp(sent, pgn, "aborted", nowUs);
        return this.#giveUp(answered, pgn, "aborted", nowUs) ?? bySender;
      }
      default:
        return undefined;
    }
  }

  #begin(key: number, pgn: number, bytes: Uint8Array, at: number, nowUs: number): AssemblyStep {
    if (!this.#isWanted(pgn)) {
      this.#partials.giveUp(key, "replaced");
      return undefined;
    }
    const sizeBytes = bytes[at + 1] | (bytes[at + 2] << 8);
    const isFit = sizeBytes >= TP_MIN_BYTES && sizeBytes <= TP_MAX_BYTES;
    if (!isFit || bytes[at + 3] !== Math.ceil(sizeBytes / PACKET_BYTES)) return this.#noteMalformed();
    const patienceUs = bytes[at] === TP_CONTROL.bam ? BROADCAST_PATIENCE_US : CONNECTION_PATIENCE_US;
    this.#partials.begin(key, { pgn, sizeBytes, firstBytes: PACKET_BYTES, patienceUs }, nowUs);
    return "part";
  }

  /** The receiver speaks, and the connection goes on. */
  #hear(key: number, pgn: number, nowUs: number): AssemblyStep {
    const partial = this.#partials.find(key, nowUs);
    if (partial?.shape.pgn !== pgn) return undefined;
    partial.lastUs = nowUs;
    return "part";
  }

  #giveUp(key: number, pgn: number, why: "missed" | "aborted", nowUs: number): AssemblyStep {
    if (this.#partials.find(key, nowUs)?.shape.pgn !== pgn) return undefined;
    this.#partials.giveUp(key, why);
    return "part";
  }

  #takeData(id: number, bytes: Uint8Array, at: number, length: number, nowUs: number): AssemblyStep {
    const key = keyOf(id);
    const partial = this.#partials.find(key, nowUs);
    if (partial === undefined) return undefined;
    const number = bytes[at] - 1;
    if (length < 1 || number < 0 || number >= partial.packets || length - 1 < partial.bytesOf(number)) {
      return this.#noteMalformed();
    }
    const whole = this.#partials.put(key, number, bytes, at + 1, nowUs);
    if (whole === undefined) return "part";
    const { pgn } = partial.shape;
    const source = sourceOf(id);
    const destination = destinationOf(id) ?? 255;
    return { pgn, source, destination, id: idOf(id, pgn, destination), bytes: whole, receivedAtUs: nowUs };
  }

  #noteExtended(bytes: Uint8Array, at: number, length: number): void {
    const isBegun = length >= FRAME_BYTES && bytes[at] === ETP_RTS;
    if (isBegun && this.#isWanted(controlledPgn(bytes, at))) this.#partials.counts.tooLong += 1;
  }

  #noteMalformed(): undefined {
    this.#partials.counts.malformed += 1;
    return undefined;
  }
}

/** The group that a frame of connection management is about; as an id has it, for of a PDU1 group some write the destination to the low byte. */
function controlledPgn(bytes: Uint8Array, at: number): number {
  return pgnOf((bytes[at + 5] << 8) | (bytes[at + 6] << 16) | (bytes[at + 7] << 24));
}

/** Destination and source of the frame. */
function keyOf(id: number): number {
  return id & 0xffff;
}

/** The key of what the frame answers to. */
function reverseKeyOf(id: number): number {
  return ((id & 0xff) << 8) | ((id >>> 8) & 0xff);
}
