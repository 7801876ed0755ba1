import type { NextRecord } from "./drain-order.ts";

/** More records than are ever on their way at a time; what is forgotten beyond is sent like any other. */
const MAX_SUSPECTS = 64;

/**
 * Records that were on their way when the broker ended the connection over a packet that it did not want. Which one it was shows when each is
 * sent alone: only then the end of a connection is held against it, and only where nobody else's publication was on its way.
 */
export class Suspects {
  readonly #suspects = new Map<number, { readonly pick: NextRecord; ends: number }>();
  #trial: number | undefined;

  get isEmpty(): boolean {
    return this.#suspects.size === 0;
  }

  /** Whether one is on its way: nothing else may be then. */
  get isTrying(): boolean {
    return this.#trial !== undefined;
  }

  has(row: number): boolean {
    return this.#suspects.has(row);
  }

  /** The one to send next, of those that `admits` lets through: first what is held least against. */
  next(admits: (pick: NextRecord) => boolean): NextRecord | undefined {
    const waiting = [...this.#suspects.values()].filter(({ pick }) => admits(pick));
    return waiting.toSorted((left, right) => left.ends - right.ends)[0]?.pick;
  }

  /** It goes out, alone. */
  begin({ record }: NextRecord): void {
    this.#trial = record.row;
  }

  /** Its outcome is known. Gives whether it was alone on its way. */
  endTrial({ record }: NextRecord): boolean {
    const wasAlone = this.#trial === record.row;
    if (wasAlone) this.#trial = undefined;
    return wasAlone;
  }

  /** The broker ended the connection while this record was on its way. Gives how often it did so with nothing else on the way. */
  note(pick: NextRecord, wasAlone: boolean): number {
    const { row } = pick.record;
    const ends = (this.#suspects.get(row)?.ends ?? 0) + (wasAlone ? 1 : 0);
    this.#suspects.set(row, { pick, ends });
    if (this.#suspects.size > MAX_SUSPECTS) this.clear([...this.#suspects.keys()][0]);
    return ends;
  }

  /** Nothing is held against it any more, or it is gone. */
  clear(row: number): void {
    this.#suspects.delete(row);
  }
}
