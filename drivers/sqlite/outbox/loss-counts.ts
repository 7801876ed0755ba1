import type { LossCount, LossRange, LossReason, StreamName } from "../../../agent/ports/outbox.ts";

/** Counts the losses of one process by stream and reason, for people; what is told to consumers is in the database. */
export class LossCounts {
  readonly #counts = new Map<string, LossCount>();

  note({ stream, reason, detail, first, last }: Omit<LossRange, "epoch">, atMs: number): void {
    const key = keyOf(stream, reason);
    const records = (this.#counts.get(key)?.records ?? 0) + last - first + 1;
    this.#counts.set(key, { stream, reason, detail, records, atMs });
  }

  list(): readonly LossCount[] {
    return [...this.#counts.values()];
  }
}

function keyOf(stream: StreamName, reason: LossReason): string {
  return `${stream} ${reason}`;
}
