import { idKey } from "../../ports/arbitration-id.ts";
import { type CanFrame, FRAME_FLAG } from "../../ports/frame.ts";
import { type IsoTpFrame, parseIsoTpFrame } from "./frame-codec.ts";

/** Longest gap between two frames of one PDU, µs of the bus: N_Cr, and what a few wait frames of the other side take (N_Bs each). */
const LONGEST_GAP_US = 5_000_000;

/** What may be kept at a time. */
export type PassiveIsoTpSettings = {
  /** The frames have an address byte before the PCI (extended and mixed addressing), by which their PDUs are told apart. */
  readonly addressByte: boolean;
  /** PDUs that come together at a time; a further one takes the place of that which has waited longest. */
  readonly maxConversations: number;
  /** Longest PDU that is put together. */
  readonly maxPduBytes: number;
  /** All PDUs that come together at a time, bytes as their first frames announce them. */
  readonly maxBytes: number;
};

/** A PDU that somebody else sent to somebody else. */
export type PassivePdu = {
  /** Arbitration id of its sender's frames. */
  readonly id: number;
  readonly extended: boolean;
  readonly addressByte: number | undefined;
  /** An own copy. */
  readonly pdu: Uint8Array;
  /** Receive time of the last frame, µs since the Unix epoch. */
  readonly receivedAtUs: number;
};

/** Counts since the beginning. */
export type PassiveIsoTpCounters = {
  readonly pdus: number;
  /** Given up for a lost, foreign or late frame, or because the sender began anew. */
  readonly incomplete: number;
  /** Given up to make room for another. */
  readonly evicted: number;
  /** Not even begun, for their length. */
  readonly tooLong: number;
  /** Frames that belong to nothing here, flow control among them. */
  readonly ignored: number;
};

type Reception = {
  readonly pdu: Uint8Array;
  readonly fullBytes: number;
  filled: number;
  next: number;
  lastAtUs: number;
};

/**
 * Puts together the PDUs of other people's conversations, without a word: one at a time a sender, which its id (and address byte)
 * tells. Flow control is not looked at.
 *
 * Any frame looks like one of ISO-TP: show it those of ids alone that carry ISO-TP.
 */
export class PassiveIsoTp {
  readonly #settings: PassiveIsoTpSettings;
  readonly #onPdu: (pdu: PassivePdu) => void;
  /** By sender; the one that had a frame last stands last. */
  readonly #receptions = new Map<number, Reception>();
  readonly #counters = { pdus: 0, incomplete: 0, evicted: 0, tooLong: 0, ignored: 0 };
  #bytes = 0;

  /** `onPdu` is called from inside `take`. */
  constructor(settings: PassiveIsoTpSettings, onPdu: (pdu: PassivePdu) => void) {
    this.#settings = settings;
    this.#onPdu = onPdu;
  }

  take(frame: CanFrame): void {
    const at = this.#settings.addressByte ? 1 : 0;
    const parsed = parseIsoTpFrame(frame.data, at);
    if (parsed === undefined || parsed.kind === "flow-control" || isNoData(frame)) {
      this.#counters.ignored += 1;
      return;
    }
    const sender = senderKey(frame, at === 1 ? frame.data[0] : 0);
    switch (parsed.kind) {
      case "single":
        this.#giveUp(sender, "incomplete");
        this.#tell(frame, parsed.bytes.slice());
        return;
      case "first":
        this.#giveUp(sender, "incomplete");
        this.#begin(sender, parsed, frame.receivedAtUs);
        return;
      case "consecutive":
        this.#goOn(sender, parsed, frame);
    }
  }

  counters(): PassiveIsoTpCounters {
    return { ...this.#counters };
  }

  /** What it keeps now; never more than its settings allow. */
  held(): { readonly conversations: number; readonly bytes: number } {
    return { conversations: this.#receptions.size, bytes: this.#bytes };
  }

  #begin(sender: number, first: Extract<IsoTpFrame, { kind: "first" }>, receivedAtUs: number): void {
    const { maxConversations, maxPduBytes, maxBytes } = this.#settings;
    const { length, bytes } = first;
    if (length > maxPduBytes || length > maxBytes) {
      this.#counters.tooLong += 1;
      return;
    }
    for (const oldest of this.#receptions.keys()) {
      if (this.#receptions.size < maxConversations && this.#bytes + length <= maxBytes) break;
      this.#giveUp(oldest, "evicted");
    }
    const pdu = new Uint8Array(length);
    pdu.set(bytes);
    const fullBytes = bytes.length + (length > 0xfff ? 5 : 1);
    this.#receptions.set(sender, { pdu, fullBytes, filled: bytes.length, next: 1, lastAtUs: receivedAtUs });
    this.#bytes += length;
  }

  #goOn(sender: number, { sequence, bytes }: Extract<IsoTpFrame, { kind: "consecutive" }>, frame: CanFrame): void {
    const reception = this.#receptions.get(sender);
    if (reception === undefined) {
      this.#counters.ignored += 1;
      return;
    }
    const { pdu, fullBytes, filled } = reception;
    const wantedBytes = Math.min(fullBytes, pdu.length - filled);
    const isLate = frame.receivedAtUs - reception.lastAtUs > LONGEST_GAP_US;
    if (isLate || sequence !== reception.next || bytes.length < wantedBytes || bytes.length > fullBytes) {
      this.#giveUp(sender, "incomplete");
      return;
    }
    pdu.set(bytes.subarray(0, wantedBytes), filled);
    reception.filled += wantedBytes;
    reception.next = (sequence + 1) & 0x0f;
    reception.lastAtUs = frame.receivedAtUs;
    this.#receptions.delete(sender);
    if (reception.filled < pdu.length) {
      this.#receptions.set(sender, reception);
      return;
    }
    this.#bytes -= pdu.length;
    this.#tell(frame, pdu);
  }

  #tell({ id, flags, data, receivedAtUs }: CanFrame, pdu: Uint8Array): void {
    this.#counters.pdus += 1;
    this.#onPdu({
      id,
      extended: (flags & FRAME_FLAG.extended) !== 0,
      addressByte: this.#settings.addressByte ? data[0] : undefined,
      pdu,
      receivedAtUs,
    });
  }

  #giveUp(sender: number, why: "incomplete" | "evicted"): void {
    const reception = this.#receptions.get(sender);
    if (reception === undefined) return;
    this.#receptions.delete(sender);
    this.#bytes -= reception.pdu.length;
    this.#counters[why] += 1;
  }
}

function isNoData({ flags }: CanFrame): boolean {
  return (flags & (FRAME_FLAG.error | FRAME_FLAG.remote)) !== 0;
}

/** Id, its length and the address byte as one number. */
function senderKey({ id, flags }: CanFrame, addressByte: number): number {
  return idKey(id, (flags & FRAME_FLAG.extended) !== 0) * 256 + addressByte;
}
