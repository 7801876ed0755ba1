import type { Clock } from "../../../agent/core/clock.ts";
import { AgentError } from "../../../agent/core/errors.ts";
import {
  CONTROL_SHARE,
  type DiskState,
  KEPT_MAX_BYTES,
  type KeptValue,
  type LossCount,
  type LossRange,
  type LossReason,
  type Outbox,
  type OutboxStats,
  type QueuedRecord,
  type RecordDraft,
  type RecordId,
  STREAMS,
  type StoredRecord,
  type StreamName,
  type StreamStats,
} from "../../../agent/ports/outbox.ts";
import { LossCounts } from "../../../drivers/sqlite/outbox/loss-counts.ts";

type Held = { readonly record: QueuedRecord; readonly dead: boolean; readonly report: LossRange | undefined };
type State = {
  held: readonly Held[];
  losses: readonly LossRange[];
  /** Noted by the call that is under way. */
  noted: readonly LossRange[];
  row: number;
  seqs: Readonly<Record<StreamName, number>>;
  lost: Readonly<Record<StreamName, number>>;
  kept: ReadonlyMap<string, Uint8Array>;
};

/** How a `FakeOutbox` starts. */
export type FakeOutboxParts = { readonly clock: Clock; readonly maxBytes?: number; readonly epoch?: number };

/** An outbox in memory, without the disk: immutable state, replaced as a whole when a call succeeds. */
export class FakeOutbox implements Outbox {
  readonly #clock: Clock;
  readonly #maxBytes: number;
  readonly #epoch: number;
  #state: State = { held: [], losses: [], noted: [], row: 0, seqs: counts(), lost: counts(), kept: new Map() };
  #nextFault: AgentError | undefined;
  readonly #holds = new Set<number>();
  readonly #counts = new LossCounts();
  isClosed = false;
  /** What it says of its disk. */
  diskState: DiskState | undefined;

  constructor({ clock, maxBytes = 256_000_000, epoch = 0x1234_5678_9abc }: FakeOutboxParts) {
    this.#clock = clock;
    this.#maxBytes = maxBytes;
    this.#epoch = epoch;
  }

  /** The next call that changes something throws this instead. */
  failNext(fault: AgentError): void {
    this.#nextFault = fault;
  }

  append(drafts: readonly RecordDraft[], kept: readonly KeptValue[] = []): readonly RecordId[] {
    return this.#change((state) => {
      keep(state, kept);
      const throughRow = state.row;
      return drafts.map((draft) => {
        const id = this.#id(state, draft.stream);
        const payload = draft.seal(id);
        const missing = this.#missing(state, draft.stream, payload.length);
        if (this.#evict(state, missing, STREAMS.indexOf(draft.stream), throughRow) < missing) {
          throw new AgentError("outbox.full", { what: "no room", remedy: "raise outbox.maxBytes" });
        }
        this.#store(state, draft, id, payload, undefined);
        return id;
      });
    });
  }

  kept(): readonly { readonly key: string; readonly value: Uint8Array }[] {
    const sorted = [...this.#state.kept].toSorted(([left], [right]) => (left < right ? -1 : 1));
    return sorted.map(([key, value]) => ({ key, value }));
  }

  read(
    stream: StreamName,
    afterRow: number,
    throughRow: number,
    maxRecords: number,
    maxBytes: number,
  ): readonly QueuedRecord[] {
    const records: QueuedRecord[] = [];
    let bytes = 0;
    for (const { record, dead } of this.#state.held) {
      if (dead || record.stream !== stream || record.row <= afterRow || record.row > throughRow) continue;
      bytes += record.payload.length;
      if (records.length === maxRecords || (records.length > 0 && bytes > maxBytes)) break;
      records.push(record);
    }
    return records;
  }

  lastRow(): number {
    return this.#state.row;
  }

  backfills(): number {
    return 0;
  }

  ack(rows: readonly number[]): void {
    this.#change((state) => {
      state.held = state.held.filter(({ record }) => !rows.includes(record.row));
    });
    for (const row of rows) this.#holds.delete(row);
  }

  hold(row: number): boolean {
    const isStored = this.#state.held.some(({ record, dead }) => record.row === row && !dead);
    if (isStored) this.#holds.add(row);
    return isStored;
  }

  release(row: number): void {
    this.#holds.delete(row);
  }

  lose(rows: readonly number[], reason: "rejected" | "expired", detail: string): void {
    this.#change((state) => {
      for (const row of rows) this.#loseOne(state, row, reason, detail);
    });
    for (const row of rows) this.#holds.delete(row);
  }

  #loseOne(state: State, row: number, reason: "rejected" | "expired", detail: string): void {
    const held = state.held.find(({ record }) => record.row === row);
    if (held === undefined || (held.dead && reason === "rejected")) return;
    this.#drop(state, held, reason, detail);
    if (reason === "rejected" && held.report === undefined) {
      state.held = [...state.held, { ...held, dead: true }].sort((a, b) => a.record.row - b.record.row);
    }
  }

  reportLosses(draftOf: (loss: LossRange) => RecordDraft, max: number): number {
    if (this.#state.losses.length === 0) return 0;
    return this.#change((state) => {
      const throughRow = state.row;
      const losses = state.losses.slice(0, max);
      state.losses = state.losses.slice(max);
      return losses.filter((loss) => this.#report(state, loss, draftOf(loss), throughRow)).length;
    });
  }

  list(stream: StreamName | undefined, limit: number): readonly StoredRecord[] {
    return this.#state.held
      .filter(({ record }) => stream === undefined || record.stream === stream)
      .slice(0, limit)
      .map(({ record: { payload, epoch, stream: of, seq, row, encoding, storedAtUs }, dead }) => {
        return { epoch, stream: of, seq, row, encoding, storedAtUs, bytes: payload.length, dead };
      });
  }

  stats(): OutboxStats {
    const { held } = this.#state;
    return {
      epoch: this.#epoch,
      records: held.filter(({ dead }) => !dead).length,
      bytes: bytesOf(held),
      maxBytes: this.#maxBytes,
      streams: {
        control: this.#streamStats("control"),
        event: this.#streamStats("event"),
        telemetry: this.#streamStats("telemetry"),
        capture: this.#streamStats("capture"),
      },
    };
  }

  disk(): DiskState | undefined {
    return this.diskState;
  }

  lossCounts(): readonly LossCount[] {
    return this.#counts.list();
  }

  close(): void {
    this.isClosed = true;
  }

  #change<T>(work: (state: State) => T): T {
    const fault = this.#nextFault;
    this.#nextFault = undefined;
    if (fault !== undefined) throw fault;
    const state = { ...this.#state, noted: [] };
    const result = work(state);
    this.#state = state;
    for (const loss of state.noted) this.#counts.note(loss, this.#clock.monotonicMs());
    return result;
  }

  #id(state: State, stream: StreamName): RecordId {
    return { epoch: this.#epoch, stream, seq: state.seqs[stream] + 1 };
  }

  #store(state: State, draft: RecordDraft, id: RecordId, payload: Uint8Array, report: LossRange | undefined): void {
    const storedAtUs = this.#clock.wallUs();
    const storedAtMonotonicMs = Math.floor(this.#clock.monotonicMs());
    const { encoding, timeQuality, lifeMs, retainKey } = draft;
    const expiresAtMs = lifeMs === undefined ? undefined : Math.floor(storedAtUs / 1000) + lifeMs;
    state.row += 1;
    state.seqs = { ...state.seqs, [id.stream]: id.seq };
    const when = { timeQuality, storedAtUs, storedAtMonotonicMs, expiresAtMs };
    const record = { ...id, row: state.row, encoding, ...when, retainKey, payload };
    state.held = [...state.held, { record, dead: false, report }];
  }

  #report(state: State, loss: LossRange, draft: RecordDraft, throughRow: number): boolean {
    const id = this.#id(state, draft.stream);
    const payload = draft.seal(id);
    const missing = this.#missing(state, draft.stream, payload.length);
    const lower = STREAMS.slice(STREAMS.indexOf(draft.stream) + 1);
    if (
      missing >
      bytesOf(state.held.filter(({ record }) => lower.includes(record.stream) && !this.#holds.has(record.row)))
    ) {
      note(state, loss);
      return false;
    }
    this.#evict(state, missing, STREAMS.indexOf(draft.stream) + 1, throughRow);
    this.#store(state, draft, id, payload, loss);
    return true;
  }

  #missing(state: State, stream: StreamName, bytes: number): number {
    const overAll = bytesOf(state.held) + bytes - this.#maxBytes;
    if (stream === "control") return overAll;
    const shared = bytesOf(state.held.filter(({ record }) => record.stream !== "control"));
    return Math.max(overAll, shared + bytes - Math.floor(this.#maxBytes * (1 - CONTROL_SHARE)));
  }

  #evict(state: State, bytes: number, highest: number, throughRow: number): number {
    const victims = state.held
      .filter(({ record }) => STREAMS.indexOf(record.stream) >= highest && record.row <= throughRow)
      .filter(({ record }) => !this.#holds.has(record.row))
      .sort(
        (a, b) =>
          STREAMS.indexOf(b.record.stream) - STREAMS.indexOf(a.record.stream) ||
          Number(b.dead) - Number(a.dead) ||
          a.record.row - b.record.row,
      );
    let freed = 0;
    for (const victim of victims) {
      if (freed >= bytes) break;
      freed += victim.record.payload.length;
      this.#drop(state, victim, "evicted", `outbox.maxBytes ${this.#maxBytes} reached`);
    }
    return freed;
  }

  drop(stream: StreamName, throughRow: number, maxRecords: number, detail: string): number {
    return this.#change((state) => {
      const free = state.held.filter(({ record }) => record.stream === stream && record.row <= throughRow);
      const chosen = free
        .filter(({ record }) => !this.#holds.has(record.row))
        .sort((a, b) => Number(a.dead) - Number(b.dead))
        .slice(0, maxRecords);
      for (const one of chosen) this.#drop(state, one, "dropped", detail);
      return chosen.length;
    });
  }

  #drop(state: State, held: Held, reason: LossReason, detail: string): void {
    const { epoch, stream, seq } = held.record;
    state.held = state.held.filter((other) => other !== held);
    if (held.report !== undefined) note(state, held.report);
    if (held.dead) return;
    const loss = { epoch, stream, first: seq, last: seq, reason, detail };
    note(state, loss);
    state.noted = [...state.noted, loss];
    state.lost = { ...state.lost, [stream]: state.lost[stream] + 1 };
  }

  #streamStats(stream: StreamName): StreamStats {
    const held = this.#state.held.filter(({ record }) => record.stream === stream);
    const waiting = held.filter(({ dead }) => !dead);
    return {
      records: waiting.length,
      bytes: bytesOf(held),
      lastSeq: this.#state.seqs[stream],
      dead: held.length - waiting.length,
      lost: this.#state.lost[stream],
      oldestUs: waiting[0]?.record.storedAtUs,
    };
  }
}

function keep(state: State, values: readonly KeptValue[]): void {
  const kept = new Map(state.kept);
  for (const { key, value } of values) {
    if (value === undefined) kept.delete(key);
    else kept.set(key, value.slice());
  }
  state.kept = kept;
  const bytes = [...kept.values()].reduce((sum, { length }) => sum + length, 0);
  if (bytes > KEPT_MAX_BYTES) throw new AgentError("internal.bug", { what: "too much is kept", remedy: "report it" });
}

function note(state: State, loss: LossRange): void {
  const alike = (other: LossRange): boolean =>
    other.epoch === loss.epoch &&
    other.stream === loss.stream &&
    other.reason === loss.reason &&
    other.detail === loss.detail;
  const before = state.losses.find((other) => alike(other) && other.last === loss.first - 1);
  const after = state.losses.find((other) => alike(other) && other.first === loss.last + 1);
  const merged = { ...loss, first: before?.first ?? loss.first, last: after?.last ?? loss.last };
  const place = before ?? after;
  if (place === undefined) {
    state.losses = [...state.losses, merged];
    return;
  }
  state.losses = state.losses
    .filter((other) => other === place || other !== after)
    .map((other) => (other === place ? merged : other));
}

function bytesOf(held: readonly Held[]): number {
  return held.reduce((sum, { record }) => sum + record.payload.length, 0);
}

function counts(): Readonly<Record<StreamName, number>> {
  return { control: 0, event: 0, telemetry: 0, capture: 0 };
}
