import type { Clock } from "../../../agent/core/clock.ts";
import { AgentError } from "../../../agent/core/errors.ts";
import type { Log } from "../../../agent/core/log.ts";
import type {
  DiskState,
  EncryptionState,
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
  StreamStats,
  ThinRecords,
} from "../../../agent/ports/outbox.ts";
import { BackgroundSalvage } from "../recovery/background-salvage.ts";
import { Salvager } from "../recovery/salvage.ts";
import type { Watermark } from "../recovery/watermark.ts";
import type { WatermarkFile } from "../recovery/watermark-file.ts";
import { encodingCode, qualityCode, streamCode } from "./codes.ts";
import { Evictor } from "./evictor.ts";
import { Holds } from "./holds.ts";
import { KeptTable } from "./kept.ts";
import { LossCounts } from "./loss-counts.ts";
import { LossTable } from "./losses.ts";
import { type RecordKey, RecordTable } from "./records.ts";
import type { RestCipher } from "./rest-cipher.ts";
import { OUTBOX_MIGRATIONS } from "./schema.ts";
import { bytesFrom } from "./totals.ts";
import { type OutboxStorage, Transactions } from "./transactions.ts";

/** Digits of the boot id that its column holds: 48 bits. */
const BOOT_DIGITS = 12;

/** What is done with payloads. */
export type PayloadParts = {
  /** Without it nothing is thinned. */
  readonly thin?: ThinRecords | undefined;
  /** Without it they are stored as they are. */
  readonly cipher?: RestCipher | undefined;
  /** Why what the file before this one held cannot be decrypted. */
  readonly lostKey?: string | undefined;
};

export type SqliteOutboxParts = {
  readonly storage: OutboxStorage;
  readonly epoch: number;
  readonly maxBytes: number;
  /** Kernel boot id, hexadecimal; without it no record's age is known but by the wall clock. */
  readonly bootId: string | undefined;
  readonly payloads: PayloadParts;
  readonly clock: Clock;
  readonly log: Log;
  /** Takes in what each commit promises. */
  readonly watermark: (promises: Watermark) => Pick<WatermarkFile, "note" | "close">;
};

/** The outbox in SQLite; `openOutbox` makes it. */
export class SqliteOutbox implements Outbox {
  readonly #parts: SqliteOutboxParts;
  readonly #transactions: Transactions;
  readonly #records: RecordTable;
  readonly #losses: LossTable;
  readonly #kept: KeptTable;
  readonly #holds = new Holds();
  readonly #counts = new LossCounts();
  readonly #evictor: Evictor;
  readonly #boot: number | undefined;
  readonly #watermark: Pick<WatermarkFile, "note" | "close">;
  readonly #salvage: BackgroundSalvage;
  /** As the last commit left it. */
  #promised: Watermark;

  constructor(parts: SqliteOutboxParts) {
    const { storage, epoch, bootId, maxBytes, payloads, clock, log, watermark } = parts;
    const { thin, cipher } = payloads;
    const { database, file } = storage;
    this.#parts = parts;
    this.#boot = bootId === undefined ? undefined : Number.parseInt(bootId.slice(0, BOOT_DIGITS), 16);
    this.#transactions = new Transactions(storage, log);
    const records = new RecordTable(database, this.#boot, cipher);
    const losses = new LossTable(database);
    const evictor = new Evictor({ records, losses, holds: this.#holds, file, epoch, maxBytes, thin, log });
    this.#records = records;
    this.#losses = losses;
    this.#kept = new KeptTable(database, storage.suspicionFile === undefined, cipher);
    this.#evictor = evictor;
    this.#promised = this.#promises();
    this.#watermark = watermark(this.#promised);
    const salvager = new Salvager({ database, file, records, losses, evictor, maxBytes, log });
    this.#salvage = new BackgroundSalvage({
      salvager,
      write: (step) => this.#write(step),
      read: (work) => this.#transactions.read(work),
      file,
      clock,
      log,
    });
  }

  append(
    drafts: readonly RecordDraft[],
    kept: readonly KeptValue[] = [],
    delivered: readonly number[] = [],
  ): readonly RecordId[] {
    if (drafts.length === 0 && kept.length === 0 && delivered.length === 0) return [];
    const streams = drafts.length === 0 ? (["telemetry"] as const) : drafts.map(({ stream }) => stream);
    const highest = Math.min(...streams.map(streamCode));
    const payloads: Uint8Array[] = [];
    const ids = this.#write((spareBytes) => {
      for (const row of delivered) this.#records.remove(row);
      const throughRow = this.#records.lastRow();
      if (spareBytes > 0) this.#evictor.evict(spareBytes, highest, throughRow, "disk full");
      this.#kept.write(kept);
      // All before any is stored: what is thinned to make room takes seqs too. An attempt after a full disk assigns the same ids again,
      // so that the payload sealed before is still the right one.
      const ids = drafts.map(({ stream }) => this.#assignId(stream));
      drafts.forEach((draft, index) => {
        const payload = payloads[index] ?? draft.seal(ids[index]);
        payloads[index] = payload;
        this.#evictor.make(draft.stream, payload.length, throughRow);
        this.#insert(draft, ids[index], payload);
      });
      return ids;
    });
    if (delivered.length > 0) this.#ended(delivered);
    return ids;
  }

  kept(): readonly { readonly key: string; readonly value: Uint8Array }[] {
    const rows = this.#transactions.read(() => this.#kept.list());
    return rows.flatMap(({ key, value }) => (value === null ? [] : [{ key, value }]));
  }

  read(
    stream: StreamName,
    afterRow: number,
    throughRow: number,
    maxRecords: number,
    maxBytes: number,
    state: RecordState = "waiting",
  ): readonly QueuedRecord[] {
    const records: QueuedRecord[] = [];
    const damaged: RecordKey[] = [];
    let bytes = 0;
    this.#transactions.read(() => {
      for (const found of this.#records.read(stream, state, { after: afterRow, through: throughRow }, maxRecords)) {
        if (found.kind === "damaged") {
          // What is on its way was read whole, and may yet arrive.
          if (!this.#holds.has(found.key.row)) damaged.push(found.key);
          continue;
        }
        bytes += found.record.payload.length;
        if (records.length > 0 && bytes > maxBytes) break;
        records.push(found.record);
      }
    });
    if (damaged.length > 0) this.#dropDamaged(damaged);
    return records;
  }

  lastRow(): number {
    return this.#records.lastRow();
  }

  hold(row: number, seq: number): boolean {
    const key = this.#transactions.read(() => this.#records.key(row));
    if (key === undefined || key.dead === 1 || key.seq !== seq) return false;
    this.#holds.add(key);
    return true;
  }

  release(row: number): void {
    this.#holds.end(row);
  }

  backfills(): number {
    return this.#salvage.backfills + this.#evictor.thinnings;
  }

  /** Brings over what damaged files still have: for about `ms` at once, the rest beside the work. */
  salvage(ms: number): void {
    this.#salvage.begin(ms);
  }

  ack(rows: readonly number[], kept: readonly KeptValue[] = []): void {
    if (rows.length === 0 && kept.length === 0) return;
    this.#write(() => {
      this.#kept.write(kept);
      for (const row of rows) this.#records.remove(row);
    });
    this.#ended(rows);
  }

  lose(rows: readonly number[], reason: "rejected" | "expired", detail: string): void {
    const found = this.#transactions.read(() => [...new Set(rows)].map((row) => this.#records.key(row)));
    const keys = found.filter((key) => key !== undefined).filter(({ dead }) => reason === "expired" || dead === 0);
    if (keys.length === 0) return;
    this.#write(() => {
      if (reason === "expired") this.#evictor.drop(keys, reason, detail);
      else this.#reject(keys, detail);
    });
    this.#ended(rows);
  }

  drop(stream: StreamName, throughRow: number, maxRecords: number, detail: string): number {
    const code = streamCode(stream);
    const dropped = this.#write(() => {
      const waiting = this.#evictor.free(code, 0, throughRow, maxRecords);
      const dead = this.#evictor.free(code, 1, throughRow, maxRecords - waiting.length);
      this.#evictor.drop([...waiting, ...dead], "dropped", detail);
      return waiting.length + dead.length;
    });
    this.#ended([]);
    return dropped;
  }

  reportLosses(draftOf: (loss: LossRange) => RecordDraft, max: number): number {
    if (this.#transactions.read(() => this.#losses.isEmpty())) return 0;
    return this.#write((spareBytes) => {
      const throughRow = this.#records.lastRow();
      let reported = 0;
      for (const loss of this.#losses.take(max)) {
        const draft = draftOf(loss);
        if (spareBytes > 0 && reported === 0) {
          this.#evictor.evict(spareBytes, streamCode(draft.stream) + 1, throughRow, "disk full");
        }
        if (this.#report(draft, loss, throughRow)) reported += 1;
        else this.#losses.note(loss);
      }
      return reported;
    });
  }

  list(stream: StreamName | undefined, limit: number): readonly StoredRecord[] {
    return this.#transactions.read(() => this.#records.list(stream, limit));
  }

  stats(): OutboxStats {
    const { epoch, maxBytes } = this.#parts;
    const totals = this.#records.totals;
    return {
      epoch,
      records: totals.reduce((sum, stream) => sum + stream.records, 0),
      bytes: bytesFrom(totals, 0),
      maxBytes,
      streams: {
        control: this.#streamStats("control"),
        event: this.#streamStats("event"),
        telemetry: this.#streamStats("telemetry"),
        capture: this.#streamStats("capture"),
      },
      salvage: this.#salvage.state,
      encryption: encryptionOf(this.#parts.payloads),
    };
  }

  disk(): DiskState | undefined {
    return this.#parts.storage.reserve.disk();
  }

  lossCounts(): readonly LossCount[] {
    return this.#counts.list();
  }

  /** Counts losses that are noted for good. */
  countLosses(losses: readonly LossRange[]): void {
    const atMs = this.#parts.clock.monotonicMs();
    for (const loss of losses) this.#counts.note(loss, atMs);
  }

  close(): void {
    const { database } = this.#parts.storage;
    if (!database.open) return;
    this.#salvage.stop();
    database.close();
    this.#watermark.close(this.#promised);
  }

  #write<T>(work: (spareBytes: number) => T): T {
    const before = this.#records.snapshot();
    // The promises are read inside: after the commit nothing may throw any more.
    const { result, promises } = this.#transactions.write(
      (spareBytes) => {
        const result = work(spareBytes);
        this.#records.persist();
        return { result, promises: this.#promises() };
      },
      () => {
        this.#records.restore(before);
        this.#evictor.takeNoted();
      },
    );
    this.countLosses(this.#evictor.takeNoted());
    this.#promised = promises;
    this.#watermark.note(promises);
    return result;
  }

  #promises(): Watermark {
    const owed = this.#records.owed();
    return { epoch: this.#parts.epoch, version: OUTBOX_MIGRATIONS.length, lastRow: this.#records.lastRow(), owed };
  }

  #assignId(stream: StreamName): RecordId {
    return { epoch: this.#parts.epoch, stream, seq: this.#records.assignSeq(streamCode(stream)) };
  }

  #nextId(stream: StreamName): RecordId {
    return { epoch: this.#parts.epoch, stream, seq: this.#records.nextSeq(streamCode(stream)) };
  }

  #insert(draft: RecordDraft, id: RecordId, payload: Uint8Array): number {
    const { clock } = this.#parts;
    const storedAtUs = clock.wallUs();
    return this.#records.insert({
      epoch: id.epoch,
      stream: streamCode(id.stream),
      seq: id.seq,
      encoding: encodingCode(draft.encoding),
      time_quality: qualityCode(draft.timeQuality),
      stored_at_us: storedAtUs,
      expires_at_ms: draft.lifeMs === undefined ? null : Math.floor(storedAtUs / 1000) + draft.lifeMs,
      retain_key: draft.retainKey ?? null,
      dead: 0,
      payload,
      boot: this.#boot ?? null,
      stored_at_monotonic_ms: Math.floor(clock.boottimeMs()),
      thin: draft.thin ?? null,
      route: draft.route ?? null,
    });
  }

  /** Stores a loss report where that costs no record of its own class: reports must not push each other out. */
  #report(draft: RecordDraft, loss: LossRange, throughRow: number): boolean {
    const id = this.#nextId(draft.stream);
    const payload = draft.seal(id);
    if (!this.#evictor.makeBelow(draft.stream, payload.length, throughRow)) return false;
    this.#losses.reported(this.#insert(draft, id, payload), loss);
    return true;
  }

  /** Sets records aside; a report is not kept, its range is noted again. */
  #reject(keys: readonly RecordKey[], detail: string): void {
    for (const key of keys) {
      if (this.#losses.giveBack(key.row)) this.#records.remove(key.row);
      else this.#records.setAside(key);
    }
    this.#evictor.note(keys, "rejected", detail);
  }

  /** After records have come to their end, those at `rows` among them. */
  #ended(rows: readonly number[]): void {
    for (const row of rows) this.#holds.end(row);
    this.#transactions.tidy();
    this.#evictor.relieve();
  }

  #dropDamaged(keys: readonly RecordKey[]): void {
    this.#write(() => this.#evictor.drop(keys, "damaged", "checksum differs"));
    this.#parts.log.error("outbox.damaged", { file: this.#parts.storage.file, records: keys.length });
  }

  #streamStats(stream: StreamName): StreamStats {
    const code = streamCode(stream);
    const totals = this.#records.totals[code];
    return {
      records: totals?.records ?? 0,
      bytes: totals?.bytes ?? 0,
      lastSeq: totals?.lastSeq ?? 0,
      dead: totals?.dead ?? 0,
      lost: totals?.lost ?? 0,
      oldestUs: this.#oldestUs(code),
    };
  }

  #oldestUs(code: number): number | undefined {
    try {
      return this.#transactions.read(() => this.#records.oldestUs(code));
    } catch (thrown) {
      if (!(thrown instanceof AgentError)) throw thrown;
      // Who needs the record itself meets the same fault; a look at the state must not fail for it.
      return undefined;
    }
  }
}

function encryptionOf({ cipher, lostKey: what }: PayloadParts): EncryptionState | undefined {
  const isOn = cipher?.encrypts === true;
  if (what === undefined) return cipher === undefined ? undefined : { isOn };
  const remedy =
    "none for those records, which are told as lost; docs/encryption.md says how a key is kept, and how it is changed without a loss";
  return { isOn, lost: { code: "outbox.key-lost", what, remedy } };
}
