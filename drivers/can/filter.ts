import type { Log } from "../../agent/core/log.ts";
import { idKey, largestId } from "../../agent/ports/arbitration-id.ts";
import type { FrameFilter } from "../../agent/ports/can-bus.ts";
import { FRAME_FLAG } from "../../agent/ports/frame.ts";

/**
 * The receive filter of drivers that the kernel does not filter for. Error frames always pass. The filters cost one set look-up for each
 * mask that they use, however many there are: one for exact ids (the usual case), two more for parameter groups.
 */
export class ReceiveFilter {
  #masks: readonly MaskedIds[];
  #heldBack = 0;

  constructor(filters: readonly FrameFilter[]) {
    this.#masks = maskedIdsOf(filters);
  }

  /** From now on frames pass that one of `filters` lets through. */
  use(filters: readonly FrameFilter[]): void {
    this.#masks = maskedIdsOf(filters);
  }

  /** Data frames that did not pass. */
  get heldBack(): number {
    return this.#heldBack;
  }

  /** Whether a frame passes. */
  accepts(id: number, flags: number): boolean {
    if ((flags & FRAME_FLAG.error) !== 0) return true;
    const isExtended = (flags & FRAME_FLAG.extended) !== 0;
    for (const { bits, extended, ids } of this.#masks) {
      if (extended === isExtended && ids.has(id & bits)) return true;
    }
    this.#heldBack += 1;
    return false;
  }
}

/** The ids of one length that pass, compared in these bits. */
type MaskedIds = { readonly bits: number; readonly extended: boolean; readonly ids: Set<number> };

function maskedIdsOf(filters: readonly FrameFilter[]): readonly MaskedIds[] {
  const masks = new Map<number, MaskedIds>();
  for (const { id, mask, extended } of filters) {
    const bits = mask & largestId(extended);
    const key = idKey(bits, extended);
    const masked = masks.get(key) ?? { bits, extended, ids: new Set() };
    masked.ids.add(id & bits);
    masks.set(key, masked);
  }
  return [...masks.values()];
}

/** CAN_EFF_FLAG (linux/can.h): in a filter's mask it makes the id length count. */
const EFF_FLAG = 0x8000_0000;
/** CAN_RTR_FLAG (linux/can.h). */
const RTR_FLAG = 0x4000_0000;
/** CAN_RAW_FILTER_MAX (linux/can/raw.h). */
const MOST_KERNEL_FILTERS = 512;
/** Two less: for remote frames, and for the filter that lets everything through while they change. */
const KERNEL_FILTER_LIMIT = MOST_KERNEL_FILTERS - 2;
/** What lets everything through, as a pair. */
const ALL_PAIR = [0, 0] as const;
/** What lets remote frames through, whatever their id. */
const REMOTE_PAIR = [RTR_FLAG, RTR_FLAG] as const;

/**
 * The filters as pairs (can_id, can_mask) of CAN_RAW_FILTER (struct can_filter, linux/can.h); none receives nothing. Where a socket
 * takes no more of them they become the one that lets everything through, which is logged. `bus` is the name in the configuration.
 *
 * Whole ids are for data frames alone: then the kernel finds them by the id, and compares a frame one after the other only with the rest
 * (net/can/af_can.c, find_rcv_list). All remote frames come in exchange, which are rare.
 */
export function kernelFilters(bus: string, filters: readonly FrameFilter[], log: Log): Uint32Array {
  if (filters.length > KERNEL_FILTER_LIMIT) {
    log.info("bus.filter-widened", { bus, filters: filters.length });
    return Uint32Array.from(ALL_PAIR);
  }
  const pairs = filters.flatMap(({ id, mask, extended }) => {
    const idMask = largestId(extended);
    const isWhole = (mask & idMask) === idMask;
    const flags = EFF_FLAG + (isWhole ? RTR_FLAG : 0);
    return [(id & idMask) + (extended ? EFF_FLAG : 0), (mask & idMask) + flags];
  });
  const hasWhole = pairs.some((word, at) => at % 2 === 1 && (word & RTR_FLAG) !== 0);
  return Uint32Array.from(hasWhole ? [...pairs, ...REMOTE_PAIR] : pairs);
}

/**
 * Pairs for the time between two lists of them, after which `after` alone may be set: what `before` let through goes on by the same
 * pairs, and what `after` lets through comes too.
 *
 * The kernel registers the new list before it takes back the old one (net/can/raw.c, raw_setsockopt), but each frame walks through the
 * lists of receivers by itself (net/can/af_can.c, can_rcv_filter): one that has passed the place of its new pair when that is
 * registered, and has not yet reached its old one when that is taken back, meets neither. An equal pair stays registered all the time.
 */
export function betweenFilters(before: Uint32Array, after: Uint32Array): Uint32Array {
  const fits = before.length + after.length <= MOST_KERNEL_FILTERS * 2;
  return Uint32Array.from([...before, ...(fits ? after : ALL_PAIR)]);
}
