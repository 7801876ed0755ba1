import { largestId } from "../ports/arbitration-id.ts";
import type { FrameFilter } from "../ports/can-bus.ts";
import { isMultiPacket, pgnMaskOf } from "./pgn.ts";
import type { MessageEntry } from "./signal-entry.ts";
import { HEARD_GROUPS } from "./transport/j1939-transport.ts";

/** Let through the frames in which messages of several frames come, but for those of fast packets, which have the group of the message. */
const TRANSPORT_FILTERS: readonly FrameFilter[] = HEARD_GROUPS.map(filterOfGroup);

/** The receive filters for some messages of one bus, each once: one an id, then one a parameter group, then those of the transport protocol where a message needs it. */
export function filtersOf(messages: readonly MessageEntry[]): readonly FrameFilter[] {
  const byId = messages.filter(({ pgn }) => pgn === undefined);
  const byPgn = messages.filter(({ pgn }) => pgn !== undefined);
  const transport = byPgn.some(isMultiPacket) ? TRANSPORT_FILTERS : [];
  return distinct([...[...byId, ...byPgn].map(filterOf), ...transport]);
}

/** Each of the filters once, in the order in which they come first. */
export function distinct(filters: readonly FrameFilter[]): readonly FrameFilter[] {
  const known = new Map(filters.map((filter) => [`${filter.id} ${filter.mask} ${filter.extended}`, filter]));
  return [...known.values()];
}

function filterOf({ arbitrationId, extended, pgn }: MessageEntry): FrameFilter {
  if (pgn !== undefined) return filterOfGroup(pgn);
  return { id: arbitrationId, mask: largestId(extended), extended };
}

/** Lets a parameter group through, whoever sends it and to whomever. */
export function filterOfGroup(pgn: number): FrameFilter {
  const id = pgn << 8;
  const mask = pgnMaskOf(id);
  return { id: id & mask, mask, extended: true };
}
