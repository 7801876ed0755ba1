import { destinationOf, isAnyAddress, isProprietary, pgnOf, sourceOf } from "./pgn.ts";
import type { MessageEntry } from "./signal-entry.ts";

/** Points for how closely a message fits a frame; more digits outweigh fewer. */
const POINTS = { id: 4, source: 2, destination: 1 } as const;

/**
 * Messages that are known by their parameter group, whatever the priority.
 *
 * The only message of a group is meant by all of its frames, whoever sends them; but of a proprietary group only by those of the source
 * that its id names. Where several messages have one group, each is meant by frames with its source and its destination, an address of
 * 254 or 255 standing for any; the closest counts.
 */
export class PgnMessages {
  readonly #byPgn: ReadonlyMap<number, readonly MessageEntry[]>;

  constructor(messages: readonly MessageEntry[]) {
    this.#byPgn = Map.groupBy(messages, ({ arbitrationId }) => pgnOf(arbitrationId));
  }

  /** The message that a frame with this 29-bit id is, or undefined. On the frame path. */
  find(id: number): MessageEntry | undefined {
    const pgn = pgnOf(id);
    const messages = this.#byPgn.get(pgn);
    if (messages === undefined) return undefined;
    if (messages.length === 1)
      return !isProprietary(pgn) || isSentBy(messages[0].arbitrationId, id) ? messages[0] : undefined;
    let best: MessageEntry | undefined;
    let most = -1;
    for (const message of messages) {
      const reached = points(message, id);
      // Of two that fit alike neither is surely meant.
      if (reached === most) best = undefined;
      if (reached <= most) continue;
      best = message;
      most = reached;
    }
    return best;
  }
}

/** How closely a message of the frame's group fits it; -1 when not at all. */
function points({ arbitrationId }: MessageEntry, id: number): number {
  if (arbitrationId === id) return POINTS.id;
  if (!isSentBy(arbitrationId, id)) return -1;
  let reached: number = sourceOf(arbitrationId) === sourceOf(id) ? POINTS.source : 0;
  const wanted = destinationOf(arbitrationId);
  if (wanted === destinationOf(id)) reached += POINTS.destination;
  else if (wanted !== undefined && !isAnyAddress(wanted)) return -1;
  return reached;
}

/** Whether a message with this id of its own is one that the source of `id` may send. */
function isSentBy(ownId: number, id: number): boolean {
  return sourceOf(ownId) === sourceOf(id) || isAnyAddress(sourceOf(ownId));
}
