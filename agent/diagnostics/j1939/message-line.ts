import type { FrameFilter } from "../../ports/can-bus.ts";
import type { CanFrame } from "../../ports/frame.ts";
import { filterOfGroup } from "../../signals/message-filters.ts";
import { destinationOf, pgnOf, sourceOf } from "../../signals/pgn.ts";
import { HEARD_GROUPS, J1939Transport } from "../../signals/transport/j1939-transport.ts";
import { type AssemblyCounters, noCounts } from "../../signals/transport/partial-messages.ts";
import type { FrameTap } from "../tester/frame-tap.ts";
import { GLOBAL_ADDRESS } from "./groups.ts";

/** A whole message, in one frame or put together from several. Its bytes are the taker's to keep. */
export type NodeMessage = {
  readonly pgn: number;
  readonly source: number;
  /** 255: to all. */
  readonly destination: number;
  readonly data: Uint8Array;
  /** µs since the Unix epoch, of the last frame. */
  readonly receivedAtUs: number;
};

/** Filters that let a group through, whoever sends it and to whomever. */
export function groupFilters(pgns: readonly number[]): readonly FrameFilter[] {
  return pgns.map(filterOfGroup);
}

type Taker = { readonly pgns: ReadonlySet<number>; readonly take: (message: NodeMessage) => void };

/** Whole messages of one bus for whoever asks for their groups; the bus is listened to while somebody does. */
export class MessageLine {
  readonly #tap: FrameTap;
  readonly #counts = noCounts();
  readonly #transport = new J1939Transport(this.#counts, (pgn) => this.#isWanted(pgn));
  readonly #takers = new Set<Taker>();
  #release: (() => void) | undefined;

  constructor(tap: FrameTap) {
    this.#tap = tap;
  }

  /** What became of the messages in several frames, since start. */
  get counts(): AssemblyCounters {
    return this.#counts;
  }

  /** Messages of these groups, until the returned function is called. `take` must not throw. */
  on(pgns: readonly number[], take: (message: NodeMessage) => void): () => void {
    const taker = { pgns: new Set(pgns), take };
    this.#takers.add(taker);
    this.#release ??= this.#tap.on(groupFilters(HEARD_GROUPS), (frame) => this.#takePacket(frame));
    const release = this.#tap.on(groupFilters(pgns), (frame) => take(messageOf(frame)));
    return () => {
      release();
      this.#takers.delete(taker);
      if (this.#takers.size > 0) return;
      this.#release?.();
      this.#release = undefined;
    };
  }

  #isWanted(pgn: number): boolean {
    for (const { pgns } of this.#takers) if (pgns.has(pgn)) return true;
    return false;
  }

  #takePacket({ id, data, receivedAtUs }: CanFrame): void {
    const step = this.#transport.take(id, data, 0, data.length, receivedAtUs);
    if (step === undefined || step === "part") return;
    const { pgn, source, destination, bytes } = step;
    const message = { pgn, source, destination, data: bytes, receivedAtUs };
    for (const { pgns, take } of this.#takers) if (pgns.has(pgn)) take(message);
  }
}

function messageOf({ id, data, receivedAtUs }: CanFrame): NodeMessage {
  return {
    pgn: pgnOf(id),
    source: sourceOf(id),
    destination: destinationOf(id) ?? GLOBAL_ADDRESS,
    data,
    receivedAtUs,
  };
}
