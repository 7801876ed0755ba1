import { AgentError } from "../../../agent/core/errors.ts";
import type { Log } from "../../../agent/core/log.ts";
import type { LossRange, LossReason, StreamName, ThinRecords } from "../../../agent/ports/outbox.ts";
import { STREAM_COUNT, streamCode, streamOf } from "./codes.ts";
import type { Holds } from "./holds.ts";
import type { LossTable } from "./losses.ts";
import type { RecordKey, RecordTable } from "./records.ts";
import { Thinner } from "./thinner.ts";
import { bytesFrom, missingBytes } from "./totals.ts";

const EVICT_ROWS = 64;
/** Bytes that one record evicts beyond its own where the bound was lowered: the rest goes with the next ones, and no pause is long. */
const TRIM_BYTES = 262_144;
/** Below this share of the bound, the next eviction is news again. */
const RELIEVED_SHARE = 0.9;

export type EvictorParts = {
  readonly records: RecordTable;
  readonly losses: LossTable;
  readonly holds: Holds;
  readonly file: string;
  readonly epoch: number;
  readonly maxBytes: number;
  /** Without it nothing is thinned. */
  readonly thin: ThinRecords | undefined;
  readonly log: Log;
};

/** Keeps the records within the byte bound, by thinning and then by evicting, and notes what is lost. For use inside a transaction only. */
export class Evictor {
  readonly #parts: EvictorParts;
  readonly #thinner: Thinner | undefined;
  #evictionIsKnown = false;
  #noted: LossRange[] = [];

  constructor(parts: EvictorParts) {
    const { records, losses, holds, epoch, thin, log } = parts;
    this.#parts = parts;
    const count = (loss: LossRange): void => this.count(loss);
    this.#thinner = thin && new Thinner({ records, losses, holds, epoch, thin, count, log });
  }

  /** Counts the times that a record came in which stands for others. */
  get thinnings(): number {
    return this.#thinner?.times ?? 0;
  }

  /** Makes room for a record by thinning and evicting rows up to `throughRow` of its class and the lower ones; throws `outbox.full` when that is not enough. */
  make(stream: StreamName, bytes: number, throughRow: number): void {
    const { records, maxBytes, file } = this.#parts;
    const code = streamCode(stream);
    const wanted = Math.min(missingBytes(records.totals, code, bytes, maxBytes), bytes + TRIM_BYTES);
    const missing = wanted - this.#thin(wanted, code, throughRow);
    if (missing <= 0 || this.evict(missing, code, throughRow, this.#boundReached()) >= missing) return;
    throw new AgentError("outbox.full", {
      what: `${file} has no room for a ${stream} record of ${bytes} bytes within outbox.maxBytes ${maxBytes}`,
      remedy: "raise outbox.maxBytes, or bring the vehicle online so that the backlog drains",
      facts: { stream, bytes, maxBytes },
    });
  }

  /** Makes room for a record out of lower classes alone; returns whether there was enough, and evicts nothing when not. */
  makeBelow(stream: StreamName, bytes: number, throughRow: number): boolean {
    const { records, holds, maxBytes } = this.#parts;
    const code = streamCode(stream);
    const wanted = missingBytes(records.totals, code, bytes, maxBytes);
    if (wanted > bytesFrom(records.totals, code + 1) - holds.bytesFrom(code + 1)) return false;
    const missing = wanted - this.#thin(wanted, code + 1, throughRow);
    if (missing > 0) this.evict(missing, code + 1, throughRow, this.#boundReached());
    return true;
  }

  /** Deletes records until `bytes` are free: of the lowest class first and none above `highest`, dead ones first, then the oldest. Returns the bytes freed. */
  evict(bytes: number, highest: number, throughRow: number, detail: string): number {
    let freed = 0;
    for (let code = STREAM_COUNT - 1; code >= highest; code -= 1) {
      for (const dead of [1, 0] as const) {
        for (;;) {
          if (freed >= bytes) return freed;
          const keys = this.#oldest(code, dead, throughRow, { records: EVICT_ROWS, bytes: bytes - freed });
          if (keys.length === 0) break;
          freed += this.#evictAll(keys, detail);
        }
      }
    }
    return freed;
  }

  /** The oldest records of a stream, dead or waiting, up to `throughRow`, that nobody holds. */
  free(stream: number, dead: 0 | 1, throughRow: number, limit: number): readonly RecordKey[] {
    return this.#oldest(stream, dead, throughRow, { records: limit, bytes: Number.POSITIVE_INFINITY });
  }

  /** Deletes records that will not be delivered and notes their losses, and again the losses that they reported. */
  drop(keys: readonly RecordKey[], reason: LossReason, detail: string): void {
    const { losses, records } = this.#parts;
    for (const { row } of keys) {
      losses.giveBack(row);
      records.remove(row);
    }
    this.note(keys, reason, detail);
  }

  /** Notes the losses of records, neighbours at once; dead ones were noted when they were set aside. */
  note(keys: readonly RecordKey[], reason: LossReason, detail: string): void {
    const { losses, records } = this.#parts;
    for (const { epoch, stream, first, last } of rangesOf(keys)) {
      const loss = { epoch, stream: streamOf(stream), first, last, reason, detail };
      losses.note(loss);
      this.count(loss);
      records.countLost(stream, last - first + 1);
    }
  }

  /** Counts a loss that is noted in this transaction, here or elsewhere. */
  count(loss: LossRange): void {
    this.#noted.push(loss);
  }

  /** The losses counted since the last call; they count once the transaction has come to its end. */
  takeNoted(): readonly LossRange[] {
    const noted = this.#noted;
    this.#noted = [];
    return noted;
  }

  /** After deletions: a later eviction or thinning is logged again once the records were well within the bound. */
  relieve(): void {
    const { records, maxBytes } = this.#parts;
    if (bytesFrom(records.totals, 0) >= maxBytes * RELIEVED_SHARE) return;
    this.#evictionIsKnown = false;
    this.#thinner?.relieve();
  }

  #thin(bytes: number, highest: number, throughRow: number): number {
    return bytes <= 0 ? 0 : (this.#thinner?.free(bytes, highest, throughRow) ?? 0);
  }

  /** As `free`, no more than are needed for so many bytes: most often that is one, for the one that comes. */
  #oldest(
    stream: number,
    dead: 0 | 1,
    throughRow: number,
    most: { readonly records: number; readonly bytes: number },
  ): readonly RecordKey[] {
    const { records, holds } = this.#parts;
    const keys: RecordKey[] = [];
    let bytes = 0;
    if (most.records <= 0) return keys;
    for (const key of records.oldest(stream, dead, throughRow)) {
      if (holds.has(key.row)) continue;
      keys.push(key);
      bytes += key.bytes;
      if (keys.length >= most.records || bytes >= most.bytes) break;
    }
    return keys;
  }

  #evictAll(keys: readonly RecordKey[], detail: string): number {
    this.drop(keys, "evicted", detail);
    this.#logEvicted(detail);
    return keys.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  #logEvicted(detail: string): void {
    if (this.#evictionIsKnown) return;
    this.#evictionIsKnown = true;
    const { records, maxBytes, log } = this.#parts;
    log.warn("outbox.evicted", { detail, maxBytes, bytes: bytesFrom(records.totals, 0) });
  }

  #boundReached(): string {
    return `outbox.maxBytes ${this.#parts.maxBytes} reached`;
  }
}

type SeqRange = { readonly epoch: number; readonly stream: number; readonly first: number; last: number };

/** The runs of seqs that follow each other in `keys`, without the dead ones. */
function rangesOf(keys: readonly RecordKey[]): readonly SeqRange[] {
  const ranges: SeqRange[] = [];
  for (const { epoch, stream, seq, dead } of keys) {
    if (dead === 1) continue;
    const before = ranges.at(-1);
    if (before?.epoch === epoch && before.stream === stream && before.last === seq - 1) before.last = seq;
    else ranges.push({ epoch, stream, first: seq, last: seq });
  }
  return ranges;
}
