import type { RecordedQuality } from "../core/clock.ts";
import type { FaultCode } from "../core/errors.ts";

/** Record classes in drain order; eviction goes from the last to the first. */
export const STREAMS = ["control", "event", "telemetry", "capture"] as const;
export type StreamName = (typeof STREAMS)[number];

/** What makes a record unique, together with the thing name. `epoch` names one outbox database; `seq` counts from 1 without a hole. */
export type RecordId = { readonly epoch: number; readonly stream: StreamName; readonly seq: number };

/** Payload compression, as the user property `encoding` names it. */
export type Encoding = "identity" | "gzip" | "zstd";

/** A record before it has its id. */
export type RecordDraft = {
  readonly stream: StreamName;
  readonly encoding: Encoding;
  readonly timeQuality: RecordedQuality;
  /** Life from now, ms; undefined lives until delivered or evicted. */
  readonly lifeMs: number | undefined;
  /** Set for the signal table: publish retained on the schema topic with this key instead of the stream's topic. */
  readonly retainKey: string | undefined;
  /** Topic in the place of the stream's, of a payload that is in the form of another cloud; absent for a record of ours. */
  readonly route?: string | undefined;
  /** N from 2 to 1000: when the outbox is full, the record may be thinned N:1 before anything is evicted. Absent: never. */
  readonly thin?: number | undefined;
  /** The payload for this id. Called once, inside the transaction; must be synchronous and must not call the outbox. */
  seal(id: RecordId): Uint8Array;
};

/** A stored record on its way out. */
export type QueuedRecord = RecordId & {
  /** Row id: grows with every append, over all streams. One that stands for thinned records has that of the first of them. */
  readonly row: number;
  readonly encoding: Encoding;
  readonly timeQuality: RecordedQuality;
  /** µs since the Unix epoch when stored, by a clock of quality `timeQuality`. */
  readonly storedAtUs: number;
  /** ms since the boot with what was suspended when stored; undefined when it was stored in another boot, or nobody knows in which. */
  readonly storedAtMonotonicMs: number | undefined;
  /** `storedAtUs` plus its life, ms since the Unix epoch; undefined lives on. */
  readonly expiresAtMs: number | undefined;
  readonly retainKey: string | undefined;
  /** As its draft had it. */
  readonly route?: string | undefined;
  readonly payload: Uint8Array;
};

/**
 * Why records were lost. "evicted": the byte bound; "expired": their life ended; "rejected": the broker refused them for good; "damaged": the
 * disk gave them back unreadable; "dropped": an operator gave them up; "thinned": another record stands for them, with fewer samples.
 */
export const LOSS_REASONS = ["evicted", "expired", "rejected", "damaged", "dropped", "thinned"] as const;
export type LossReason = (typeof LOSS_REASONS)[number];

/** A run of records that will not be delivered: seq `first`..`last`, both included. */
export type LossRange = {
  readonly epoch: number;
  readonly stream: StreamName;
  readonly first: number;
  readonly last: number;
  readonly reason: LossReason;
  /** For people: the broker's reason code, the bound that was reached. */
  readonly detail: string;
  /** Of the reason "thinned", which then says nothing of those records of the range that are stored, delivered or lost otherwise. */
  readonly thinned?: ThinnedInto | undefined;
};

/** What became of records that were thinned. */
export type ThinnedInto = {
  /** N of "N:1". */
  readonly ratio: number;
  /** The records that stand for them are among these seqs of the same epoch and stream. */
  readonly keptFirst: number;
  readonly keptLast: number;
};

/** What a stored record is there for: "waiting" for delivery, or "dead", set aside after a permanent rejection and not sent again. */
export const RECORD_STATES = ["waiting", "dead"] as const;
export type RecordState = (typeof RECORD_STATES)[number];

/** What is known of a stored record without its payload. */
export type StoredRecord = RecordId & {
  readonly row: number;
  readonly bytes: number;
  readonly encoding: Encoding;
  /** µs since the Unix epoch. */
  readonly storedAtUs: number;
  /** Set aside after a permanent rejection. */
  readonly dead: boolean;
};

export type StreamStats = {
  /** Waiting for delivery; dead ones are counted apart. */
  readonly records: number;
  /** Payload bytes on disk, dead ones included. */
  readonly bytes: number;
  /** Highest seq ever assigned; 0 when none. */
  readonly lastSeq: number;
  /** Set aside after a permanent rejection, still on disk, not sent again. */
  readonly dead: number;
  /** Since the database was made. */
  readonly lost: number;
  /** Wall time of the oldest record that waits, µs since the Unix epoch; undefined when none does, or it cannot be read. */
  readonly oldestUs: number | undefined;
};

/** The records of a damaged file, while they come over. */
export type SalvageState = {
  /** Name of the file, beside the database. */
  readonly file: string;
  /** Rows of it that were looked at, of how many, and the records that were whole and have come over. */
  readonly rows: number;
  readonly totalRows: number;
  readonly records: number;
};

export type OutboxStats = {
  readonly epoch: number;
  readonly records: number;
  readonly bytes: number;
  readonly maxBytes: number;
  readonly streams: Readonly<Record<StreamName, StreamStats>>;
  /** Why records are kept in memory alone for now; absent while they are on the disk. */
  readonly fault?: { readonly code: FaultCode; readonly what: string; readonly remedy: string };
  /** How far the salvage of a damaged file is; absent while there is none. */
  readonly salvage?: SalvageState | undefined;
  /** Absent where payloads are stored in clear and always were. */
  readonly encryption?: EncryptionState | undefined;
};

/** How payloads are stored. */
export type EncryptionState = {
  /** Whether new ones are encrypted. */
  readonly isOn: boolean;
  /** Why those that were stored before this start could not be decrypted; absent where they could. */
  readonly lost?: { readonly code: FaultCode; readonly what: string; readonly remedy: string } | undefined;
};

/** Records of one stream that were lost for one reason since the outbox was opened, over what the disk does meanwhile. */
export type LossCount = {
  readonly stream: StreamName;
  readonly reason: LossReason;
  /** Of the last one, as `LossRange` has it. */
  readonly detail: string;
  readonly records: number;
  /** Seqs of the last one, and of those that were noted right before it where they follow on each other. */
  readonly range: { readonly first: number; readonly last: number };
  /** Monotonic ms of the last one. */
  readonly atMs: number;
};

/** The disk under the outbox. */
export type DiskState = {
  /** On its file system, for this process; undefined when that does not say. */
  readonly freeBytes: number | undefined;
  /** Whether it is as good as full, so that someone should free space. */
  readonly isFull: boolean;
  /**
   * How much is set by for the time when it is full, and its bytes. "part": records are stored with a copy of the log after each write,
   * which takes longer; "none": they go only where others were evicted.
   */
  readonly reserve: "whole" | "part" | "none";
  readonly reserveBytes: number;
};

/** Share of the byte bound that only `control` may use: a backlog of telemetry must never keep a command's result from being stored. */
export const CONTROL_SHARE = 0.05;

/**
 * Records are thinned together, since many small ones cost more than one: so many, or so many bytes of payload, at least and at most. Fewer
 * are left as they are, and with them the newest of an outbox that is full for long. `maxTimes` bounds the pause of one record that is
 * stored: what is missing after that is evicted.
 */
export const THIN_TOGETHER = {
  minRecords: 32,
  maxRecords: 64,
  minBytes: 131_072,
  maxBytes: 262_144,
  maxTimes: 16,
} as const;

/** A record that may be thinned. */
export type ThinnableRecord = { readonly seq: number; readonly payload: Uint8Array };

/** What came of records that were to be thinned. Numbers are positions in what was given. */
export type ThinnedRecord = {
  /** Those that `payload` stands for, in their order; none where nothing could be done. */
  readonly taken: readonly number[];
  /** Those that can never be thinned. */
  readonly unfit: readonly number[];
  /** In the encoding of the first that was taken. */
  readonly payload: Uint8Array;
};

/**
 * Makes one record with the id `id` out of some of `records`, the oldest first, of one stream and epoch: of each column every `ratio`-th sample.
 * Called inside the transaction; must be synchronous, must not call the outbox, and takes or finds unfit at least one of them.
 */
export type ThinRecords = (records: readonly ThinnableRecord[], ratio: number, id: RecordId) => ThinnedRecord;

/** A value that is kept under a key beside the records, for what must change in the same transaction in which records are stored. */
export type KeptValue = {
  readonly key: string;
  /** Undefined: the key is forgotten. */
  readonly value: Uint8Array | undefined;
};

/** Bound of all kept values together. Who keeps values sees to it that they fit; more is a bug. */
export const KEPT_MAX_BYTES = 4_194_304;

/**
 * Durable store between collection and the cellular link, and the only queue. Calls are synchronous and atomic: when one
 * returns, its effect survives a power cut; when it throws, nothing happened.
 */
export interface Outbox {
  /**
   * Stores all drafts in one transaction and returns their ids, in order. Assigns epoch and the next seq of each stream inside
   * the transaction. Evicts lowest class first, in it dead ones first, then oldest first, to stay within the byte bound, and notes
   * each eviction as a loss. Before anything is evicted, records whose draft said `thin` are thinned, lowest class first, oldest first
   * (`THIN_TOGETHER`): a record with a seq of its own stands for them at the row of the first, and they are noted as a loss, "thinned".
   * A record is thinned once, and none that is held. `CONTROL_SHARE` of the bound is kept for `control`. Records of one call never evict each other,
   * and one that is held is not evicted.
   * Throws `outbox.full` when nothing of the same or a lower class is left to evict (the disk's own "full" included).
   *
   * `kept` are written in the same transaction, in their order, with no draft too; their bytes do not count against the byte bound.
   * The values may be used again when this returns. `delivered` are forgotten in it too, first, as by `ack`: a transaction less, and room.
   */
  append(
    drafts: readonly RecordDraft[],
    kept?: readonly KeptValue[],
    delivered?: readonly number[],
  ): readonly RecordId[];
  /** What is kept, by key. A value that the disk gives back damaged is left out. While memory stands in: what was kept since. */
  kept(): readonly { readonly key: string; readonly value: Uint8Array }[];
  /** Records of `stream` with afterRow < row <= throughRow, oldest first, at most `maxRecords` and (but for the first) `maxBytes` of payload: those that wait, unless `state` says dead ones. */
  read(
    stream: StreamName,
    afterRow: number,
    throughRow: number,
    maxRecords: number,
    maxBytes: number,
    state?: RecordState,
  ): readonly QueuedRecord[];
  /** Highest row ever assigned; 0 when none. */
  lastRow(): number;
  /**
   * A record goes on its way: until `release`, `ack` or `lose` it is neither evicted, thinned nor dropped, so that no loss is told of what
   * arrives. False when it is not stored any more, or another record stands for it at its row, and then it must not be sent. Nothing is
   * written, and a restart holds nothing.
   */
  hold(row: number, seq: number): boolean;
  /** A held record did not arrive. Unknown rows are ignored. */
  release(row: number): void;
  /** Counts up when records come in below `lastRow`: those of a damaged file, which keep their rows, and those that stand for thinned ones. Who has read past them reads anew. */
  backfills(): number;
  /** Forgets delivered records; call only after their PUBACK with a good reason code. Unknown rows are ignored. `kept` as in `append`. */
  ack(rows: readonly number[], kept?: readonly KeptValue[]): void;
  /** Sets records aside for good (`rejected`) or deletes them (`expired`), and notes their losses, each once. Unknown rows are ignored. The caller bounds their number, and so the pause. */
  lose(rows: readonly number[], reason: "rejected" | "expired", detail: string): void;
  /** Deletes at most `maxRecords` of `stream` up to `throughRow`, oldest first, dead ones included and held ones not, and notes the losses ("dropped"). Gives their number. */
  drop(stream: StreamName, throughRow: number, maxRecords: number, detail: string): number;
  /**
   * Turns the noted losses, merged into ranges, oldest first, at most `max`, into records made by `draftOf`, in one transaction.
   * Returns how many; 0 when there is none, or when only records of the same class could make room for the reports. A report that is
   * evicted or expires before its delivery gives its range back to the noted losses, and so does a refused one, which is not kept.
   */
  reportLosses(draftOf: (loss: LossRange) => RecordDraft, max: number): number;
  /** Stored records without their payload, of one stream or of all, oldest first, dead ones included. */
  list(stream: StreamName | undefined, limit: number): readonly StoredRecord[];
  /** Throws nothing that the disk does. */
  stats(): OutboxStats;
  /** Undefined where there is no disk, or it is away. */
  disk(): DiskState | undefined;
  /** What was lost since it was opened, at most one entry a stream and reason. */
  lossCounts(): readonly LossCount[];
  close(): void;
}
