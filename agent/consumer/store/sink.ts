import type { StreamName } from "../../ports/outbox.ts";
import type { Delivery } from "./delivery.ts";
import type { RecordTable } from "./record-table.ts";

/** A delivery that the sink will never take, whatever is tried: too long for it, or more gaps than it can remember. Nothing else of its batch suffers. */
export type RefusedDelivery = {
  readonly delivery: Delivery;
  /** One word, for a metric: "too-long", "too-many-gaps". */
  readonly reason: string;
  /** For people. */
  readonly detail: string;
};

/** What became of a batch: `written` + `repeats` + `refused.length` are its deliveries. */
export type CommitOutcome = {
  /** Deliveries whose id was new, tables and losses among them. */
  readonly written: number;
  /** Deliveries whose id was known, or stands twice in the batch. */
  readonly repeats: number;
  readonly refused: readonly RefusedDelivery[];
};

/** Seq `first`..`last` of a thing's epoch and stream have not come, stand below one that has, and no loss says that they will not. */
export type Gap = {
  readonly thing: string;
  readonly epoch: number;
  readonly stream: StreamName;
  readonly first: number;
  readonly last: number;
  /** When a higher seq came first: µs since the Unix epoch by the clock of the worker that got it. */
  readonly sinceUs: number;
};

/** Counts since this sink was opened in this process, but for those that say otherwise. */
export type SinkStatus = {
  /** Written by this process. */
  readonly records: number;
  readonly repeats: number;
  readonly samples: number;
  /** Bytes that this process wrote, as the sink counts them. */
  readonly bytes: number;
  /** When the oldest record came that is durable, but not yet where readers look, of all workers; µs since the Unix epoch; undefined where there is none. */
  readonly oldestStagedUs: number | undefined;
};

/**
 * Where rows go, and what remembers ids, losses, clocks and tables. Several workers, in several processes, use one store at the same time;
 * each of them opens a sink of its own.
 */
export interface Sink {
  /**
   * Resolves when each delivery whose id (thing, epoch, stream, seq) is new is durable, exactly once and whole, and its id is remembered with
   * it, as are its anchor (`clock-offsets.ts`), what it stands for (`record.thinned`), and where it holds them a loss or a part of a
   * table: all of the batch in one step, or delivery by delivery where each is such a step.
   *
   * Rejects with an `AgentError` where the batch, or the rest of it, is not durable (yet): the same batch may be committed again, as what
   * is durable of it is then a repeat. One call at a time.
   */
  commit(batch: readonly Delivery[]): Promise<CommitOutcome>;
  /** The table `id` of `thing` as far as any worker has committed parts of it; undefined for one without any. May be called during a commit. */
  table(thing: string, id: string): Promise<RecordTable | undefined>;
  /** Gaps known now that have been known for `graceMs` or longer. */
  gaps(nowUs: number, graceMs: number): AsyncIterable<Gap>;
  status(): SinkStatus;
  /** Finishes or gives up what is in progress; nothing committed is lost. Idempotent. */
  close(): Promise<void>;
}
