import type { Clock } from "../../core/clock.ts";
import { idKey } from "../../ports/arbitration-id.ts";
import { type CanFrame, FRAME_FLAG } from "../../ports/frame.ts";

/** An echo comes within this time, ms: a frame waits at most half a second for its turn on the bus. */
const ECHO_MS = 1000;
/** Frames whose echo is waited for; the oldest is forgotten beyond. */
const MAX_EXPECTED = 256;
/** After so many frames without an echo, a bus is taken for one that gives none: what looks like ours is then somebody else's. */
const MISSED_ECHOES = 3;
/** Type of a frame of ISO-TP, the high nibble of its PCI (ISO 15765-2:2016, table 9). */
const [CONSECUTIVE, FLOW_CONTROL] = [2, 3];

/** An id that frames are sent with. */
export type SentId = { readonly id: number; readonly extended: boolean };

type Expected = { readonly key: number; readonly prefix: Uint8Array; readonly untilMs: number };

/**
 * Knows frames that this process sent where the bus gives them back: the SocketCAN drivers receive what other sockets of the host send,
 * this bus's own and the kernel's ISO-TP included. A frame is ours once for each time that it was announced, by its id and first bytes;
 * flow control and consecutive frames are ours on an id that we have a conversation on, which cannot be told by their content.
 */
export class OwnFrames {
  readonly #clock: Clock;
  #expected: Expected[] = [];
  /** Until when flow control and consecutive frames on an id are ours. */
  readonly #open = new Map<number, { readonly untilMs: number; readonly pciAt: number }>();
  #givesEchoes = false;
  #missed = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A frame goes out that begins with `prefix`. */
  expect({ id, extended }: SentId, prefix: Uint8Array): void {
    this.#forget();
    const untilMs = this.#clock.monotonicMs() + ECHO_MS;
    this.#expected.push({ key: idKey(id, extended), prefix: prefix.slice(), untilMs });
    if (this.#expected.length > MAX_EXPECTED) this.#expected.shift();
  }

  /** A conversation begins whose frames have their PCI at byte `pciAt`; the returned function ends it. */
  converse({ id, extended }: SentId, pciAt: number): () => void {
    const key = idKey(id, extended);
    const nowMs = this.#clock.monotonicMs();
    for (const [one, { untilMs }] of this.#open) if (untilMs < nowMs) this.#open.delete(one);
    this.#open.set(key, { untilMs: Number.POSITIVE_INFINITY, pciAt });
    return () => void this.#open.set(key, { untilMs: this.#clock.monotonicMs() + ECHO_MS, pciAt });
  }

  /** Whether a frame of the bus is the echo of one of ours; it is then no longer expected. */
  isOwn({ id, flags, data }: CanFrame): boolean {
    this.#forget();
    const key = idKey(id, (flags & FRAME_FLAG.extended) !== 0);
    const at = this.#expected.findIndex((one) => one.key === key && beginsWith(data, one.prefix));
    if (at >= 0) {
      if (!this.#givesEchoes && this.#missed >= MISSED_ECHOES) return false;
      this.#givesEchoes = true;
      this.#expected.splice(at, 1);
      return true;
    }
    const open = this.#open.get(key);
    return open !== undefined && open.untilMs >= this.#clock.monotonicMs() && isSteering(data[open.pciAt]);
  }

  #forget(): void {
    const nowMs = this.#clock.monotonicMs();
    const before = this.#expected.length;
    this.#expected = this.#expected.filter(({ untilMs }) => untilMs >= nowMs);
    this.#missed += before - this.#expected.length;
  }
}

/** A frame that is shorter than the prefix has all of its bytes compared. */
function beginsWith(data: Uint8Array, prefix: Uint8Array): boolean {
  if (data.length === 0 && prefix.length > 0) return false;
  return data.every((byte, at) => at >= prefix.length || byte === prefix[at]);
}

function isSteering(pci: number | undefined): boolean {
  return pci !== undefined && (pci >>> 4 === CONSECUTIVE || pci >>> 4 === FLOW_CONTROL);
}
