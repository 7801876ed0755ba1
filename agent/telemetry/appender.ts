import type { Clock } from "../core/clock.ts";
import type { AgentError, FaultCode } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { Histogram } from "../core/metrics/histogram.ts";
import { type KeptValue, type Outbox, type RecordId, STREAMS, type StreamName } from "../ports/outbox.ts";
import { type OutboxFault, outboxFaultOf } from "../ports/outbox-faults.ts";
import { PromptCommits } from "./prompt-commits.ts";
import type { Delivered } from "./publish/in-flight.ts";
import type { EncodedDraft } from "./record/encode/record-sealer.ts";

/** Whether drafts reach the outbox, and if not, why. */
export type StoreState =
  | { readonly kind: "storing" }
  | {
      readonly kind: "failing";
      /** Monotonic ms of the first fault. */
      readonly sinceMs: number;
      readonly code: FaultCode;
      readonly what: string;
      readonly remedy: string;
      /** What waits in memory. */
      readonly heldBytes: number;
    };

/** Buckets of the time that a batch takes to be stored, s: from a fast disk to one that stalls. */
const STORE_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10] as const;

/** Counts since start. */
export type AppendCounters = {
  /** Records stored, and the samples in them. */
  readonly records: number;
  readonly samples: number;
  /** Bytes of their payloads as stored. */
  readonly payloadBytes: number;
  /** Thrown away from memory because the outbox refused them for too long. */
  readonly discardedRecords: number;
  readonly discardedSamples: number;
};

export type AppenderParts = {
  readonly outbox: Pick<Outbox, "append">;
  readonly clock: Clock;
  readonly log: Log;
  /** Bound of what waits in memory while the outbox refuses it, bytes before compression. */
  readonly holdBytes: number;
  /** Told after new records are in the outbox. Must not throw. */
  readonly wake: () => void;
  /** What has arrived, to be forgotten in the transaction in which records are stored; absent: whoever delivers lets it be forgotten. */
  readonly delivered?: () => Delivered | undefined;
};

type Held = { readonly draft: EncodedDraft; payloadBytes: number };

/**
 * Brings drafts into the outbox. While the outbox refuses them (full, or its disk gone) they wait in memory up to a bound; past it
 * the oldest of the lowest class go first, and are counted; one that reports kept values goes last of its class.
 *
 * Kept values are stored in one transaction with all drafts that came with or before them. Where the outbox takes those only in
 * pieces, they are stored with the last piece: until then the outbox has the values from before. What a draft itself keeps
 * (`EncodedDraft.kept`) is stored with it in any case.
 */
export class Appender {
  /** How long the outbox took for each batch that it stored, s. */
  readonly storeTimes = new Histogram(STORE_BOUNDS);
  readonly #parts: AppenderParts;
  readonly #prompt: PromptCommits;
  readonly #queues: Readonly<Record<StreamName, Held[]>> = { control: [], event: [], telemetry: [], capture: [] };
  #heldBytes = 0;
  /** Kept values that wait, by key. */
  readonly #kept = new Map<string, KeptValue>();
  #failure: { readonly error: AgentError; readonly sinceMs: number } | undefined;
  readonly #counters = { records: 0, samples: 0, payloadBytes: 0, discardedRecords: 0, discardedSamples: 0 };

  constructor(parts: AppenderParts) {
    this.#parts = parts;
    this.#prompt = new PromptCommits(parts.clock, () => this.store());
  }

  /** Commits since start that `storeSoon` asked for. */
  get promptCommits(): number {
    return this.#prompt.count;
  }

  /** Takes a draft over; it is stored with the next `store`, or at once where the bound leaves no room to wait. */
  add(draft: EncodedDraft): void {
    this.addTogether([draft], []);
  }

  /** As `add`, of drafts and the kept values as they are after them. A later value of a key replaces one that still waits. */
  addTogether(drafts: readonly EncodedDraft[], kept: readonly KeptValue[]): void {
    for (const draft of drafts) {
      this.#queues[draft.stream].push({ draft, payloadBytes: 0 });
      this.#heldBytes += draft.bodyBytes;
    }
    for (const value of kept) this.#kept.set(value.key, value);
    if (this.#heldBytes <= this.#parts.holdBytes) return;
    if (this.#failure === undefined) this.store();
    while (this.#heldBytes > this.#parts.holdBytes) this.#discardOne();
  }

  /**
   * Stores what waits. What the outbox refuses (`outboxFaultOf`) is remembered in `state` and tried again with the next call; anything
   * else is thrown.
   */
  store(): void {
    const before = this.#counters.records;
    const fault = this.#storeAll();
    this.#note(fault);
    if (this.#counters.records > before) this.#parts.wake();
  }

  /** Stores what waits without its batch: at once, or a moment after the last commit, and what `join` hands over by then with it. */
  storeSoon(join?: () => void): void {
    this.#prompt.ask(join);
  }

  /**
   * Gives up what still waits, at the end of the process: counts and tells it. Kept values are stored once more without it, but for those
   * whose report goes: of them the outbox keeps what it has.
   */
  abandon(): void {
    const { discardedRecords: records, discardedSamples: samples } = this.#counters;
    const reported = Object.values(this.#queues).flatMap((queue) => queue.flatMap(({ draft }) => draft.kept ?? []));
    for (const { key } of reported) this.#kept.delete(key);
    while (this.#heldBytes > 0) this.#discardOne();
    const lostRecords = this.#counters.discardedRecords - records;
    const lostSamples = this.#counters.discardedSamples - samples;
    if (lostRecords > 0) this.#parts.log.error("outbox.abandoned", { records: lostRecords, samples: lostSamples });
    // Where it is refused too, the outbox has the values of the last flush that it took.
    this.#append([]);
    this.#prompt.close();
  }

  state(): StoreState {
    if (this.#failure === undefined) return { kind: "storing" };
    const { error, sinceMs } = this.#failure;
    const { code, message, remedy } = error;
    return { kind: "failing", sinceMs, code, what: message, remedy, heldBytes: this.#heldBytes };
  }

  counters(): AppendCounters {
    return { ...this.#counters };
  }

  #storeAll(): OutboxFault | undefined {
    if (this.#failure !== undefined) return this.#storeApart();
    const fault = this.#storeTogether();
    return fault?.kind === "full" ? this.#storeApart() : fault;
  }

  #storeTogether(): OutboxFault | undefined {
    const all = STREAMS.flatMap((stream) => this.#queues[stream]);
    const fault = this.#append(all);
    if (fault === undefined) for (const stream of STREAMS) this.#forget(stream, all.length);
    return fault;
  }

  get #heldCount(): number {
    return STREAMS.reduce((count, stream) => count + this.#queues[stream].length, 0);
  }

  /**
   * When the outbox is full each stream goes by itself, its first draft alone: all together may be more than the outbox can hold
   * at all, and an event may still evict telemetry where telemetry finds nothing to evict. What goes well goes on in twice as many.
   */
  #storeApart(): OutboxFault | undefined {
    let first: OutboxFault | undefined;
    for (const stream of STREAMS) {
      const fault = this.#storeStream(stream);
      first ??= fault;
      if (fault?.kind === "unavailable") break;
    }
    return first ?? this.#append([]);
  }

  #storeStream(stream: StreamName): OutboxFault | undefined {
    for (let most = 1; this.#queues[stream].length > 0; ) {
      const some = this.#queues[stream].slice(0, most);
      const fault = this.#append(some);
      if (fault === undefined) {
        this.#forget(stream, some.length);
        most *= 2;
      } else if (some.length === 1 || fault.kind === "unavailable") {
        return fault;
      } else {
        most = 1;
      }
    }
    return undefined;
  }

  #append(drafts: readonly Held[]): OutboxFault | undefined {
    const isLast = drafts.length === this.#heldCount;
    const ownKept = drafts.flatMap(({ draft }) => draft.kept ?? []);
    const kept = isLast ? [...ownKept, ...this.#kept.values()] : ownKept;
    if (drafts.length === 0 && kept.length === 0) return undefined;
    const { outbox, clock } = this.#parts;
    const delivered = this.#parts.delivered?.();
    const startMs = clock.monotonicMs();
    this.#prompt.note();
    try {
      outbox.append(drafts.map(measured), [...(delivered?.kept ?? []), ...kept], delivered?.rows);
      this.storeTimes.note((clock.monotonicMs() - startMs) / 1000);
      delivered?.done();
      if (isLast) this.#kept.clear();
      return undefined;
    } catch (thrown) {
      const fault = outboxFaultOf(thrown);
      if (fault === undefined) throw thrown;
      return fault;
    }
  }

  /** Drops the first `count` of a queue, which are stored. */
  #forget(stream: StreamName, count: number): void {
    for (const { draft, payloadBytes } of this.#queues[stream].splice(0, count)) {
      this.#heldBytes -= draft.bodyBytes;
      this.#counters.records += 1;
      this.#counters.samples += draft.samples;
      this.#counters.payloadBytes += payloadBytes;
      draft.stored?.(payloadBytes);
    }
  }

  #discardOne(): void {
    const lowest = STREAMS.findLast((stream) => this.#queues[stream].length > 0);
    const queue = lowest === undefined ? [] : this.#queues[lowest];
    const oldest = queue.findIndex(({ draft }) => draft.kept === undefined);
    const [discarded] = queue.splice(Math.max(0, oldest), 1);
    if (discarded === undefined) throw new TypeError("bytes are held without a draft");
    this.#heldBytes -= discarded.draft.bodyBytes;
    this.#counters.discardedRecords += 1;
    this.#counters.discardedSamples += discarded.draft.samples;
    discarded.draft.discarded?.();
  }

  #note(fault: OutboxFault | undefined): void {
    const { clock, log } = this.#parts;
    const { discardedRecords, discardedSamples } = this.#counters;
    if (fault !== undefined) {
      const { code, message: what, remedy } = fault.error;
      if (this.#failure === undefined) log.error("outbox.refused", { code, what, remedy });
      this.#failure = { error: fault.error, sinceMs: this.#failure?.sinceMs ?? clock.monotonicMs() };
    } else if (this.#failure !== undefined) {
      const failedMs = Math.round(clock.monotonicMs() - this.#failure.sinceMs);
      log.info("outbox.accepted", { failedMs, discardedRecords, discardedSamples });
      this.#failure = undefined;
    }
  }
}

/** The draft, noting how long its payload became; a failed transaction may seal it again. */
function measured(held: Held): EncodedDraft {
  return {
    ...held.draft,
    seal: (id: RecordId) => {
      const payload = held.draft.seal(id);
      held.payloadBytes = payload.length;
      return payload;
    },
  };
}
