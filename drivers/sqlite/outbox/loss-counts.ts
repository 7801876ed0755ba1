import type { LossCount, LossRange, LossReason, StreamName } from "../../../agent/ports/outbox.ts";

/** Counts the losses of one process by stream and reason, for people; what is told to consumers is in the database. */
export class LossCounts {
  readonly #counts = new Map<string, LossCount>();

  note({ stream, reason, detail, first, last }: Omit<LossRange, "epoch">, atMs: number): void {
    const key = keyOf(stream, reason);
    const before = this.#counts.get(key);
    const records = (before?.records ?? 0) + last - first + 1;
    const range = { first: before?.range.last === first - 1 ? before.range.first : first, last };
    this.#counts.set(key, { stream, reason, detail, records, range, atMs });
  }

  list(): readonly LossCount[] {
    return [...this.#counts.values()];
  }
}

function keyOf(stream: StreamName, reason: LossReason): string {
  return `${stream} ${reason}`;
}
