import type { Journal } from "../../../agent/ports/journal.ts";
import type { RecordSink } from "../../../agent/telemetry/durable-records/record-sink.ts";

/** The process ends here: what is written stays, what is in memory is gone. */
export class PowerCut extends Error {}

/** Writes to a journal and an outbox, in one of which the power may go. */
export class DurableWrites {
  /** Writes until the power goes, in this one or right after it. */
  cut: { writes: number; readonly isWritten: boolean } | undefined;
  isStoring = true;

  /** `journal`, each of whose transactions is one write. */
  journal(journal: Journal): Pick<Journal, "atomically" | "get" | "list" | "put"> {
    let isInside = false;
    return {
      get: (space, key) => journal.get(space, key),
      list: (space) => journal.list(space),
      put: (documents) => (isInside ? journal.put(documents) : this.#write(() => journal.put(documents))),
      atomically: (work) =>
        this.#write(() => {
          isInside = true;
          try {
            return journal.atomically(work);
          } finally {
            isInside = false;
          }
        }),
    };
  }

  /** A sink that stores each entry in a write of its own. */
  sink<T>(store: (entry: T) => void): RecordSink<T> {
    return {
      handOver: (entries) => {
        for (const entry of entries) this.#write(() => store(entry));
      },
      hasRoom: () => this.isStoring,
      isStored: () => this.isStoring,
    };
  }

  #write<T>(work: () => T): T {
    if (this.cut === undefined) return work();
    this.cut.writes -= 1;
    if (this.cut.writes > 0) return work();
    const { isWritten } = this.cut;
    this.cut = undefined;
    if (isWritten) work();
    throw new PowerCut();
  }
}
