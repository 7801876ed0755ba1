import { destinationOf, pgnOf, sourceOf } from "../pgn.ts";
import type { AssemblyStep } from "./assembled-message.ts";
import type { AssemblyCounts } from "./partial-messages.ts";
import { PartialMessages } from "./partial-messages.ts";

/** Largest message: 6 bytes in the first frame, 7 in each of 31 more. */
export const FAST_PACKET_MAX_BYTES = 223;
const FIRST_BYTES = 6;
/** NMEA 2000 gives no time; the one of a J1939 message to all. Eight messages later the same sequence number comes again. */
const PATIENCE_US = 750_000;
/** All of an id but the priority. */
const GROUP_BITS = 0x03ff_ffff;

/**
 * Puts NMEA 2000 fast packets together: frames of one group, whose first byte is a sequence number (3 bits), equal in all frames of one
 * message, and the number of the frame (5 bits); the second byte of frame 0 is the size of the message (canboat, common.h).
 *
 * A message begins with its frame 0: what comes before may be left from another message, with the same sequence number.
 */
export class FastPackets {
  readonly #partials: PartialMessages;

  constructor(counts: AssemblyCounts) {
    this.#partials = new PartialMessages(counts);
  }

  /** Messages that are begun. */
  get size(): number {
    return this.#partials.size;
  }

  /** Takes a frame of a group that comes as fast packets; its data are `bytes[at] .. bytes[at + length - 1]`. On the frame path. */
  take(id: number, bytes: Uint8Array, at: number, length: number, receivedAtUs: number): AssemblyStep {
    const number = bytes[at] & 0x1f;
    const key = (id & GROUP_BITS) * 8 + (bytes[at] >>> 5);
    if (length < 2) return this.#noteMalformed();
    if (number === 0 && !this.#begin(key, id, bytes[at + 1], receivedAtUs)) return this.#noteMalformed();
    const partial = this.#partials.find(key, receivedAtUs);
    if (partial === undefined) return "part";
    const headBytes = number === 0 ? 2 : 1;
    if (number >= partial.packets || length - headBytes < partial.bytesOf(number)) return this.#noteMalformed();
    const whole = this.#partials.put(key, number, bytes, at + headBytes, receivedAtUs);
    if (whole === undefined) return "part";
    const { pgn } = partial.shape;
    return { pgn, source: sourceOf(id), destination: destinationOf(id) ?? 255, id, bytes: whole, receivedAtUs };
  }

  #begin(key: number, id: number, sizeBytes: number, nowUs: number): boolean {
    if (sizeBytes < 1 || sizeBytes > FAST_PACKET_MAX_BYTES) return false;
    this.#partials.begin(key, { pgn: pgnOf(id), sizeBytes, firstBytes: FIRST_BYTES, patienceUs: PATIENCE_US }, nowUs);
    return true;
  }

  #noteMalformed(): AssemblyStep {
    this.#partials.counts.malformed += 1;
    return "part";
  }
}
