import type Database from "better-sqlite3";
import type { Clock } from "../../../agent/core/clock.ts";
import { AgentError } from "../../../agent/core/errors.ts";
import type { Log } from "../../../agent/core/log.ts";
import type {
  DiskState,
  KeptValue,
  LossCount,
  LossRange,
  Outbox,
  OutboxStats,
  QueuedRecord,
  RecordDraft,
  RecordId,
  RecordState,
  StoredRecord,
  StreamName,
  ThinRecords,
} from "../../../agent/ports/outbox.ts";
import { DISK_RETRY_MS, memoryStandsIn, outboxFaultOf } from "../../../agent/ports/outbox-faults.ts";
import { saysDamaged } from "../faults.ts";
import { type MemoryOutbox, openMemoryOutbox } from "./memory-outbox.ts";
import { forgetStandbyFiles } from "./standby-watermarks.ts";

export type StandbyParts = {
  /** Opens the outbox on the disk, and takes over the records of the one in memory where there is one. */
  readonly openDisk: (adopt: Database.Database | undefined) => Outbox;
  /** Bound of the payload bytes kept in memory while the disk is away. */
  readonly memoryBytes: number;
  /** Kernel boot id, for the age of records in memory. */
  readonly bootId?: string | undefined;
  /** For the records in memory; without it they are not thinned. */
  readonly thin?: ThinRecords | undefined;
  /** Files in which the outbox in memory leaves what it owes, for the next start to tell: one that outlives the process, one a restart. */
  readonly standbyFiles: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
};

/**
 * The outbox in use. `offset` makes its rows ours: rows only ever grow, so that a late acknowledgement never meets another record.
 * `backfills` are those of the places before; a change of place counts as one.
 */
type ActiveOutbox = { readonly outbox: Outbox; readonly offset: number; readonly backfills: number };

/**
 * The outbox on the disk, for which one in memory stands in while the disk cannot be written (read-only file system, I/O errors),
 * so that live data goes on. Records in memory have an epoch of their own and do not outlive the process: `stats().fault` says
 * so, and the next start tells which they were, where one of `standbyFiles` could be written and is still there. When the disk can be
 * written again it takes them over, and so it does what was kept since. What was on its way at a change of place may be sent twice.
 */
export class StandbyOutbox implements Outbox {
  readonly #parts: StandbyParts;
  #place: ActiveOutbox;
  #standby: MemoryOutbox | undefined;
  /** What outboxes lost that were in use before this one. */
  #lossesBefore: readonly LossCount[] = [];
  #fault: AgentError | undefined;
  #failingSinceMs: number | undefined;
  #reopenedAtMs = Number.NEGATIVE_INFINITY;
  /** Ends the looks at the disk while memory stands in. */
  #stopLooking: () => void = () => undefined;

  /** Opens the disk; when that fails with `outbox.unavailable` or `outbox.full`, memory stands in from the start. Other faults are thrown. */
  constructor(parts: StandbyParts) {
    this.#parts = parts;
    try {
      this.#place = { outbox: parts.openDisk(undefined), offset: 0, backfills: 0 };
    } catch (thrown) {
      this.#place = this.#standIn(this.#faultAt("opening", thrown), 0, 0);
    }
  }

  append(
    drafts: readonly RecordDraft[],
    kept: readonly KeptValue[] = [],
    delivered: readonly number[] = [],
  ): readonly RecordId[] {
    try {
      const ours = this.#ours(delivered);
      const ids = this.#use((outbox) => outbox.append(drafts, kept, ours));
      this.#failingSinceMs = undefined;
      return ids;
    } catch (thrown) {
      const fault = this.#faultAt("writing", thrown);
      const offset = this.lastRow();
      const backfills = this.backfills() + 1;
      this.#lossesBefore = this.lossCounts();
      this.#closeQuietly();
      this.#place = this.#standIn(fault, offset, backfills);
      return this.#place.outbox.append(drafts, kept);
    }
  }

  kept(): readonly { readonly key: string; readonly value: Uint8Array }[] {
    return this.#use((outbox) => outbox.kept());
  }

  read(
    stream: StreamName,
    afterRow: number,
    throughRow: number,
    maxRecords: number,
    maxBytes: number,
    state?: RecordState,
  ): readonly QueuedRecord[] {
    const { offset } = this.#place;
    const fromRow = Math.max(0, afterRow - offset);
    const found = this.#use((outbox) => outbox.read(stream, fromRow, throughRow - offset, maxRecords, maxBytes, state));
    return offset === 0 ? found : found.map((record) => ({ ...record, row: record.row + offset }));
  }

  lastRow(): number {
    return this.#place.outbox.lastRow() + this.#place.offset;
  }

  backfills(): number {
    return this.#place.backfills + this.#place.outbox.backfills();
  }

  ack(rows: readonly number[], kept: readonly KeptValue[] = []): void {
    const ours = this.#ours(rows);
    this.#use((outbox) => outbox.ack(ours, kept));
  }

  hold(row: number, seq: number): boolean {
    const { offset } = this.#place;
    return row > offset && this.#use((outbox) => outbox.hold(row - offset, seq));
  }

  release(row: number): void {
    const { outbox, offset } = this.#place;
    if (row > offset) outbox.release(row - offset);
  }

  lose(rows: readonly number[], reason: "rejected" | "expired", detail: string): void {
    const ours = this.#ours(rows);
    this.#use((outbox) => outbox.lose(ours, reason, detail));
  }

  drop(stream: StreamName, throughRow: number, maxRecords: number, detail: string): number {
    const { offset } = this.#place;
    return this.#use((outbox) => outbox.drop(stream, throughRow - offset, maxRecords, detail));
  }

  reportLosses(draftOf: (loss: LossRange) => RecordDraft, max: number): number {
    return this.#use((outbox) => outbox.reportLosses(draftOf, max));
  }

  list(stream: StreamName | undefined, limit: number): readonly StoredRecord[] {
    const { offset } = this.#place;
    return this.#use((outbox) => outbox.list(stream, limit)).map((record) => ({ ...record, row: record.row + offset }));
  }

  stats(): OutboxStats {
    const stats = this.#use((outbox) => outbox.stats());
    if (this.#fault === undefined) return stats;
    const { code, message, remedy } = this.#fault;
    return { ...stats, fault: { code, what: `records are kept in memory only: ${message}`, remedy } };
  }

  disk(): DiskState | undefined {
    return this.#place.outbox.disk();
  }

  lossCounts(): readonly LossCount[] {
    return sumOf([...this.#lossesBefore, ...this.#place.outbox.lossCounts()]);
  }

  close(): void {
    this.#returnToDisk();
    this.#stopLooking();
    const records = this.#standby?.outbox.stats().records ?? 0;
    if (records > 0) this.#parts.log.error("outbox.standby-lost", { records });
    this.#standby = undefined;
    this.#place.outbox.close();
  }

  /** Those of the outbox in use, as it numbers them. */
  #ours(rows: readonly number[]): readonly number[] {
    const { offset } = this.#place;
    return rows.filter((row) => row > offset).map((row) => row - offset);
  }

  /** Does `work`. When it meets damage it fails, and the disk is opened again, which sets the file aside: the next call finds another. */
  #use<T>(work: (outbox: Outbox) => T): T {
    try {
      return work(this.#place.outbox);
    } catch (thrown) {
      const fault = outboxFaultOf(thrown);
      if (fault !== undefined && saysDamaged(fault.error) && this.#standby === undefined) this.#reopen();
      throw thrown;
    }
  }

  /** Rows stay what they were, since what comes over keeps its own; only where they begin anew they come above those before. */
  #reopen(): void {
    const { openDisk, clock } = this.#parts;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#reopenedAtMs < DISK_RETRY_MS) return;
    this.#reopenedAtMs = nowMs;
    const { offset } = this.#place;
    const lastRow = this.lastRow();
    const backfills = this.backfills() + 1;
    this.#lossesBefore = this.lossCounts();
    this.#closeQuietly();
    try {
      const outbox = openDisk(undefined);
      const isAnew = outbox.lastRow() + offset < lastRow;
      this.#place = { outbox, offset: isAnew ? lastRow : offset, backfills };
    } catch (thrown) {
      this.#place = this.#standIn(this.#faultAt("opening", thrown), lastRow, backfills);
    }
  }

  /** The fault for which memory stands in now; throws `thrown` where it does not, or does already. */
  #faultAt(doing: "opening" | "writing", thrown: unknown): AgentError {
    const fault = outboxFaultOf(thrown);
    if (fault === undefined || this.#standby !== undefined) throw thrown;
    const nowMs = this.#parts.clock.monotonicMs();
    if (fault.kind === "unavailable") this.#failingSinceMs ??= nowMs;
    if (!memoryStandsIn(fault.kind, doing, nowMs - (this.#failingSinceMs ?? nowMs))) throw thrown;
    return fault.error;
  }

  #standIn(fault: AgentError, offset: number, backfills: number): ActiveOutbox {
    const { memoryBytes, bootId, thin, standbyFiles, clock, log } = this.#parts;
    log.error("outbox.standby-began", { code: fault.code, what: fault.message, remedy: fault.remedy, memoryBytes });
    this.#fault = fault;
    this.#failingSinceMs = undefined;
    this.#standby = openMemoryOutbox({ maxBytes: memoryBytes, bootId, thin, standbyFiles, clock, log });
    // By the clock and not at the next record: a vehicle that stands still has none.
    this.#stopLooking = clock.every(DISK_RETRY_MS, () => this.#returnToDisk());
    return { outbox: this.#standby.outbox, offset, backfills };
  }

  /** Where the disk still cannot be written, all stays as it is. */
  #returnToDisk(): void {
    const { log, openDisk, standbyFiles } = this.#parts;
    if (this.#standby === undefined) return;
    try {
      const outbox = openDisk(this.#standby.database);
      const { records } = this.#standby.outbox.stats();
      this.#lossesBefore = this.lossCounts();
      this.#place = { outbox, offset: this.lastRow(), backfills: this.backfills() + 1 };
      this.#standby.outbox.close();
      // Its end leaves a mark of what it owed, which came over.
      forgetStandbyFiles(standbyFiles);
      this.#standby = undefined;
      this.#fault = undefined;
      this.#stopLooking();
      log.info("outbox.standby-ended", { records });
    } catch (thrown) {
      if (!(thrown instanceof AgentError)) throw thrown;
    }
  }

  #closeQuietly(): void {
    try {
      this.#place.outbox.close();
    } catch {
      // A disk that takes nothing any more cannot take a tidy end either; the next open repairs what it finds.
    }
  }
}

/** One count a stream and reason; of when and why the last one was, what the later says. */
function sumOf(counts: readonly LossCount[]): readonly LossCount[] {
  const sums = new Map<string, LossCount>();
  for (const count of counts) {
    const key = `${count.stream} ${count.reason}`;
    sums.set(key, { ...count, records: count.records + (sums.get(key)?.records ?? 0) });
  }
  return [...sums.values()];
}
