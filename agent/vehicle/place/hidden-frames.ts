import { FRAME_FLAG, type FrameBatch } from "../../ports/frame.ts";
import { pgnOf } from "../../signals/pgn.ts";
import type { MessageEntry } from "../../signals/signal-entry.ts";

/** The part of a message by which its frames are known. */
type KnownMessage = Pick<MessageEntry, "arbitrationId" | "extended" | "pgn">;

/** Takes the frames of some messages of a bus out of batches, so that nobody behind it sees them. */
export class HiddenFrames {
  /** Frames that were taken out. */
  withheld = 0;
  readonly #standard: ReadonlySet<number>;
  readonly #extended: ReadonlySet<number>;
  readonly #groups: ReadonlySet<number>;

  constructor(messages: readonly KnownMessage[]) {
    const ids = (isExtended: boolean): ReadonlySet<number> =>
      new Set(messages.flatMap(({ arbitrationId, extended }) => (extended === isExtended ? [arbitrationId] : [])));
    this.#standard = ids(false);
    this.#extended = ids(true);
    this.#groups = new Set(messages.flatMap(({ pgn }) => pgn ?? []));
  }

  /** What is left moves up; the order stays. */
  hide(batch: FrameBatch): void {
    let kept = 0;
    for (let at = 0; at < batch.count; at++) {
      if (this.#isHidden(batch.id(at), batch.flags(at))) continue;
      if (kept < at) batch.copyFrame(at, kept);
      kept += 1;
    }
    this.withheld += batch.count - kept;
    batch.count = kept;
  }

  #isHidden(id: number, flags: number): boolean {
    if ((flags & FRAME_FLAG.error) !== 0) return false;
    if ((flags & FRAME_FLAG.extended) === 0) return this.#standard.has(id);
    return this.#extended.has(id) || this.#groups.has(pgnOf(id));
  }
}
