import { largestId } from "../ports/arbitration-id.ts";
import type { FrameFilter } from "../ports/can-bus.ts";
import { isFastPacket, pgnMaskOf } from "./pgn.ts";
import type { MessageEntry } from "./signal-entry.ts";

/** Whether frames of the message can be read: those of a fast packet are not put together, and as they are would give wrong values. */
export function isReadable({ pgn, length }: MessageEntry): boolean {
  return pgn === undefined || !isFastPacket(pgn, length);
}

/** The receive filters for some messages of one bus, each once: one an id, then one a parameter group. None for those that cannot be read. */
export function filtersOf(messages: readonly MessageEntry[]): readonly FrameFilter[] {
  const byId = messages.filter(({ pgn }) => pgn === undefined);
  const byPgn = messages.filter((message) => message.pgn !== undefined && isReadable(message));
  return distinct([...byId, ...byPgn].map(filterOf));
}

/** Each of the filters once, in the order in which they come first. */
export function distinct(filters: readonly FrameFilter[]): readonly FrameFilter[] {
  const known = new Map(filters.map((filter) => [`${filter.id} ${filter.mask} ${filter.extended}`, filter]));
  return [...known.values()];
}

function filterOf({ arbitrationId, extended, pgn }: MessageEntry): FrameFilter {
  const mask = pgn === undefined ? largestId(extended) : pgnMaskOf(arbitrationId);
  return { id: arbitrationId & mask, mask, extended };
}
