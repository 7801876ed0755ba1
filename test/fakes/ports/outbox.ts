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
  type RecordState,
  STREAMS,
  type StoredRecord,
  type StreamName,
  type StreamStats,
  THIN_TOGETHER,
  type ThinRecords,
} from "../../../agent/ports/outbox.ts";
import { LossCounts } from "../../../drivers/sqlite/outbox/loss-counts.ts";
import { assign, bytesOf, counts, type Held, note, type State, together } from "./outbox-state.ts";

/** How a `FakeOutbox` starts. */
export type FakeOutboxParts = {
  readonly clock: Clock;
  readonly maxBytes?: number;
  readonly epoch?: number;
  readonly thin?: ThinRecords;
};

/** An outbox in memory, without the disk: immutable state, replaced as a whole when a call succeeds. */
export class FakeOutbox implements Outbox {
  readonly #clock: Clock;
  readonly #maxBytes: number;
  readonly #epoch: number;
  readonly #thinRecords: ThinRecords | undefined;
  #backfills = 0;
  #state: State = { held: [], losses: [], noted: [], row: 0, seqs: counts(), lost: counts(), kept: new Map() };
  #nextFault: AgentError | undefined;
  readonly #holds = new Set<number>();
  readonly #counts = new LossCounts();
  isClosed = false;
  /** What it says of its disk. */
  diskState: DiskState | undefined;

  constructor({ clock, maxBytes = 256_000_000, epoch = 0x1234_5678_9abc, thin }: FakeOutboxParts) {
    this.#clock = clock;
    this.#maxBytes = maxBytes;
    this.#epoch = epoch;
    this.#thinRecords = thin;
  }

  /** The next call that changes something throws this instead. */
  failNext(fault: AgentError): void {
    this.#nextFault = fault;
  }

  append(
    drafts: readonly RecordDraft[],
    kept: readonly KeptValue[] = [],
    delivered: readonly number[] = [],
  ): readonly RecordId[] {
    const ids = this.#change((state) => {
      state.held = state.held.filter(({ record }) => !delivered.includes(record.row));
      keep(state, kept);
      const throughRow = state.row;
      const ids = drafts.map(({ stream }) => {
        const id = this.#id(state, stream);
        assign(state, id);
        return id;
      });
      for (const [at, draft] of drafts.entries()) {
        const payload = draft.seal(ids[at]);
        const highest = STREAMS.indexOf(draft.stream);
        const wanted = this.#missing(state, draft.stream, payload.length);
        const missing = wanted - this.#thin(state, wanted, highest, throughRow);
        if (this.#evict(state, missing, highest, throughRow) < missing) {
          throw new AgentError("outbox.full", { what: "no room", remedy: "raise outbox.maxBytes" });
        }
        this.#store(state, draft, ids[at], payload, undefined);
      }
      return ids;
    });
    for (const row of delivered) this.#holds.delete(row);
    return ids;
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
    state: RecordState = "waiting",
  ): readonly QueuedRecord[] {
    const records: QueuedRecord[] = [];
    let bytes = 0;
    for (const { record, dead } of this.#state.held) {
      if (dead !== (state === "dead") || record.stream !== stream || record.row <= afterRow || record.row > throughRow)
        continue;
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
    return this.#backfills;
  }

  ack(rows: readonly number[], kept: readonly KeptValue[] = []): void {
    this.#change((state) => {
      keep(state, kept);
      state.held = state.held.filter(({ record }) => !rows.includes(record.row));
    });
    for (const row of rows) this.#holds.delete(row);
  }

  hold(row: number, seq: number): boolean {
    const isStored = this.#state.held.some(({ record, dead }) => record.row === row && record.seq === seq && !dead);
    if (isStored) this.#holds.add(row);
    return isStored;
  }

  release(row: number): void {
    this.#holds.delete(row);
  }

  lose(rows: readonly number[], reason: "rejected" | "expired", detail: string): void {
    this.#change((state) => {
      const found = [...new Set(rows)].flatMap((row) => state.held.filter(({ record }) => record.row === row));
      const lost = found.filter(({ dead }) => reason === "expired" || !dead);
      this.#drop(state, lost, reason, detail);
      const aside = lost.filter(({ report }) => reason === "rejected" && report === undefined);
      const kept = [...state.held, ...aside.map((held) => ({ ...held, dead: true }))];
      state.held = kept.toSorted((a, b) => a.record.row - b.record.row);
    });
    for (const row of rows) this.#holds.delete(row);
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
    const storedAtMonotonicMs = Math.floor(this.#clock.boottimeMs());
    const { encoding, timeQuality, lifeMs, retainKey, route } = draft;
    const expiresAtMs = lifeMs === undefined ? undefined : Math.floor(storedAtUs / 1000) + lifeMs;
    state.row += 1;
    assign(state, id);
    const when = { timeQuality, storedAtUs, storedAtMonotonicMs, expiresAtMs };
    const record = { ...id, row: state.row, encoding, ...when, retainKey, route, payload };
    state.held = [...state.held, { record, dead: false, report, thin: draft.thin }];
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
    const below = STREAMS.indexOf(draft.stream) + 1;
    const thinned = this.#thin(state, missing, below, throughRow);
    this.#evict(state, missing - thinned, below, throughRow);
    this.#store(state, draft, id, payload, loss);
    return true;
  }

  #missing(state: State, stream: StreamName, bytes: number): number {
    const overAll = bytesOf(state.held) + bytes - this.#maxBytes;
    if (stream === "control") return overAll;
    const shared = bytesOf(state.held.filter(({ record }) => record.stream !== "control"));
    return Math.max(overAll, shared + bytes - Math.floor(this.#maxBytes * (1 - CONTROL_SHARE)));
  }

  #thin(state: State, bytes: number, highest: number, throughRow: number): number {
    let freed = 0;
    let times = 0;
    for (const stream of STREAMS.slice(highest).reverse()) {
      while (this.#thinRecords !== undefined && freed < bytes && times < THIN_TOGETHER.maxTimes) {
        times += 1;
        const free = state.held.filter(({ record }) => record.row <= throughRow && !this.#holds.has(record.row));
        const found = together(free.filter(({ record, dead, thin }) => record.stream === stream && !dead && thin));
        if (found.length === 0) break;
        freed += this.#thinSome(state, found, this.#thinRecords);
      }
    }
    return freed;
  }

  #thinSome(state: State, found: readonly Held[], thinRecords: ThinRecords): number {
    const [{ record: first, thin: ratio = 0 }] = found;
    const alike = found.filter(({ record, thin }) => thin === ratio && record.timeQuality === first.timeQuality);
    const id = this.#id(state, first.stream);
    const records = alike.map(({ record }) => record);
    const { taken, unfit, payload } = thinRecords(records, ratio, id);
    const sources = taken.map((at) => alike[at]);
    const freed = bytesOf(sources) - payload.length;
    const settled = freed > 0 ? unfit : [...unfit, ...taken];
    state.held = state.held.map((held) =>
      settled.some((at) => alike[at] === held) ? { ...held, thin: undefined } : held,
    );
    if (freed > 0) this.#replace(state, sources, id, payload);
    return Math.max(0, freed);
  }

  #replace(state: State, sources: readonly Held[], id: RecordId, payload: Uint8Array): void {
    assign(state, id);
    const [{ record: first, thin: ratio = 0 }] = sources;
    const last = sources[sources.length - 1].record;
    const ends = sources.map(({ record }) => record.expiresAtMs ?? Number.POSITIVE_INFINITY);
    const end = Math.max(...ends);
    const record = { ...first, seq: id.seq, payload, expiresAtMs: end < Number.POSITIVE_INFINITY ? end : undefined };
    const made = { record, dead: false, report: undefined, thin: undefined };
    state.held = state.held.flatMap((held) => (held === sources[0] ? [made] : sources.includes(held) ? [] : [held]));
    const thinned = { ratio, keptFirst: id.seq, keptLast: id.seq };
    const what = {
      epoch: id.epoch,
      stream: id.stream,
      reason: "thinned",
      detail: `thinned ${ratio}:1`,
      thinned,
    } as const;
    note(state, { ...what, first: first.seq, last: last.seq });
    state.noted = [...state.noted, ...sources.map(({ record: { seq } }) => ({ ...what, first: seq, last: seq }))];
    state.lost = { ...state.lost, [id.stream]: state.lost[id.stream] + sources.length };
    this.#backfills += 1;
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
    const evicted = victims.filter(({ record }) => {
      if (freed >= bytes) return false;
      freed += record.payload.length;
      return true;
    });
    this.#drop(state, evicted, "evicted", `outbox.maxBytes ${this.#maxBytes} reached`);
    return freed;
  }

  drop(stream: StreamName, throughRow: number, maxRecords: number, detail: string): number {
    return this.#change((state) => {
      const free = state.held.filter(({ record }) => record.stream === stream && record.row <= throughRow);
      const chosen = free
        .filter(({ record }) => !this.#holds.has(record.row))
        .sort((a, b) => Number(a.dead) - Number(b.dead))
        .slice(0, maxRecords);
      this.#drop(state, chosen, "dropped", detail);
      return chosen.length;
    });
  }

  #drop(state: State, dropped: readonly Held[], reason: LossReason, detail: string): void {
    state.held = state.held.filter((held) => !dropped.includes(held));
    for (const { report } of dropped) if (report !== undefined) note(state, report);
    const waiting = dropped.filter(({ dead }) => !dead).map(({ record }) => record);
    for (const [at, { epoch, stream, seq: first }] of waiting.entries()) {
      const isNext = (from: number): boolean =>
        waiting[from + 1]?.stream === stream && waiting[from + 1].seq === waiting[from].seq + 1;
      if (at > 0 && waiting[at - 1].stream === stream && isNext(at - 1)) continue;
      let end = at;
      while (isNext(end)) end += 1;
      const loss = { epoch, stream, first, last: waiting[end].seq, reason, detail };
      note(state, loss);
      state.noted = [...state.noted, loss];
      state.lost = { ...state.lost, [stream]: state.lost[stream] + loss.last - first + 1 };
    }
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
