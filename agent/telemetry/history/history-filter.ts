import { largestId } from "../../ports/arbitration-id.ts";
import { EVERY_FRAME, type FrameFilter } from "../../ports/can-bus.ts";
import { FRAME_FLAG } from "../../ports/frame.ts";
import { filterOfGroup } from "../../signals/message-filters.ts";
import { isMultiPacket, pgnOf } from "../../signals/pgn.ts";
import type { MessageEntry } from "../../signals/signal-entry.ts";
import { TRANSPORT_GROUPS } from "../../signals/transport/j1939-transport.ts";
import type { BusFrames } from "../../signals/wanted-signals.ts";

/** What somebody wants of the frames of one bus, which is a number: "bus" is all of it, remote and error frames too; "pgn" every 29-bit id of the group. */
export type HistoryWish =
  | { readonly kind: "bus"; readonly bus: number }
  | { readonly kind: "id"; readonly bus: number; readonly id: number; readonly extended: boolean }
  | { readonly kind: "pgn"; readonly bus: number; readonly pgn: number };

type WishedMessage = Pick<MessageEntry, "arbitrationId" | "carriage" | "extended" | "length" | "pgn">;

/** The frames that a message of the table is found in; none for one of PDUs. */
export function wishesFor(bus: number, message: WishedMessage): readonly HistoryWish[] {
  const { arbitrationId: id, carriage, extended, length, pgn } = message;
  if (carriage === "pdus") return [];
  if (pgn === undefined) return [{ kind: "id", bus, id, extended }];
  const groups = isMultiPacket({ pgn, length }) ? [pgn, ...TRANSPORT_GROUPS] : [pgn];
  return groups.map((group) => ({ kind: "pgn", bus, pgn: group }));
}

/** What must be received for the wishes to be kept; `buses` are the names by number. Error frames come whatever the filters are. */
export function framesFor(wishes: readonly HistoryWish[], buses: readonly string[]): BusFrames[] {
  const byBus = Map.groupBy(wishes, ({ bus }) => bus);
  return [...byBus].map(([bus, own]) => ({ bus: buses[bus], filters: own.flatMap(receiveFilters) }));
}

function receiveFilters(wish: HistoryWish): readonly FrameFilter[] {
  if (wish.kind === "bus") return EVERY_FRAME;
  if (wish.kind === "id") return [{ id: wish.id, mask: largestId(wish.extended), extended: wish.extended }];
  return [filterOfGroup(wish.pgn)];
}

/** 11-bit ids as a table, for a look at it costs the same however many are wanted. */
type BusFilter = {
  isWhole: boolean;
  readonly standard: Uint8Array;
  readonly extended: Set<number>;
  readonly pgns: Set<number>;
};

const STANDARD_IDS = 0x800;

/** Which frames are kept: what any of the wishes asks for. */
export class HistoryFilter {
  readonly #buses: (BusFilter | undefined)[] = [];
  /** Whether it keeps nothing. */
  readonly isEmpty: boolean;

  constructor(wishes: readonly HistoryWish[]) {
    this.isEmpty = wishes.length === 0;
    for (const wish of wishes) this.#add(wish);
  }

  /** Whether it may keep a frame of this bus. */
  has(bus: number): boolean {
    return this.#buses[bus] !== undefined;
  }

  /** Whether a frame is kept; `flags` are bits of `FRAME_FLAG`. The id of an error frame is none: only a whole bus has it. On the frame path. */
  keeps(bus: number, id: number, flags: number): boolean {
    const filter = this.#buses[bus];
    if (filter === undefined) return false;
    if (filter.isWhole) return true;
    if ((flags & FRAME_FLAG.error) !== 0) return false;
    if ((flags & FRAME_FLAG.extended) === 0) return filter.standard[id] === 1;
    return filter.extended.has(id) || (filter.pgns.size > 0 && filter.pgns.has(pgnOf(id)));
  }

  #add(wish: HistoryWish): void {
    const filter = (this.#buses[wish.bus] ??= {
      isWhole: false,
      standard: new Uint8Array(STANDARD_IDS),
      extended: new Set(),
      pgns: new Set(),
    });
    if (wish.kind === "bus") filter.isWhole = true;
    else if (wish.kind === "pgn") filter.pgns.add(wish.pgn);
    else if (wish.extended) filter.extended.add(wish.id);
    else filter.standard[wish.id] = 1;
  }
}
