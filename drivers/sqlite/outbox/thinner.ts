import type { Log } from "../../../agent/core/log.ts";
import { type LossRange, THIN_TOGETHER, type ThinRecords } from "../../../agent/ports/outbox.ts";
import { STREAM_COUNT, streamOf } from "./codes.ts";
import type { Holds } from "./holds.ts";
import type { LossTable } from "./losses.ts";
import type { RecordRow, RecordTable } from "./records.ts";
import { hasSoundColumns, hasSoundPayload } from "./seal.ts";

export type ThinnerParts = {
  readonly records: RecordTable;
  readonly losses: LossTable;
  readonly holds: Holds;
  readonly epoch: number;
  readonly thin: ThinRecords;
  /** Counts a run of records that were thinned. */
  readonly count: (loss: LossRange) => void;
  readonly log: Log;
};

/** What may be thinned, with its ratio. */
type Candidate = RecordRow & { readonly thin: number };

/** Makes room by putting many records with few of their samples into one, which has a new id: no id ever has two payloads. For use inside a transaction only. */
export class Thinner {
  readonly #parts: ThinnerParts;
  #isKnown = false;
  /** Counts the records that came in below the last row. */
  times = 0;

  constructor(parts: ThinnerParts) {
    this.#parts = parts;
  }

  /** Thins records until `bytes` are free: of the lowest class first and none above `highest`, the oldest first. Returns the bytes freed, which may be fewer. */
  free(bytes: number, highest: number, throughRow: number): number {
    let freed = 0;
    let times = 0;
    for (let code = STREAM_COUNT - 1; code >= highest; code -= 1) {
      while (freed < bytes && times < THIN_TOGETHER.maxTimes) {
        times += 1;
        const found = this.#candidates(code, throughRow);
        if (found.length === 0) break;
        freed += this.#thinSome(found);
      }
    }
    return freed;
  }

  /** Later thinning is logged again. */
  relieve(): void {
    this.#isKnown = false;
  }

  /** The oldest that go together, or none while they are too few. What is damaged is left for its reader to find. */
  #candidates(code: number, throughRow: number): readonly Candidate[] {
    const { records, holds } = this.#parts;
    const found: Candidate[] = [];
    const damaged: number[] = [];
    let bytes = 0;
    for (const row of records.toThin(code, throughRow)) {
      const { thin } = row;
      if (typeof thin !== "number" || holds.has(row.row)) continue;
      const payload = isWhole(row) ? records.payloadOf(row) : undefined;
      if (payload === undefined) damaged.push(row.row);
      else {
        bytes += row.bytes;
        found.push({ ...row, payload, thin });
      }
      if (found.length === THIN_TOGETHER.maxRecords || bytes >= THIN_TOGETHER.maxBytes) break;
    }
    for (const row of damaged) records.keepWhole(row);
    return found.length >= THIN_TOGETHER.minRecords || bytes >= THIN_TOGETHER.minBytes ? found : [];
  }

  #thinSome(found: readonly Candidate[]): number {
    const { records, epoch, thin } = this.#parts;
    const [{ thin: ratio, stream, time_quality: quality }] = found;
    const alike = found.filter((row) => row.thin === ratio && row.time_quality === quality);
    const seq = records.nextSeq(stream);
    const { taken, unfit, payload } = thin(alike, ratio, { epoch, stream: streamOf(stream), seq });
    for (const at of unfit) records.keepWhole(alike[at].row);
    const sources = taken.map((at) => alike[at]);
    const freed = sources.reduce((sum, { bytes }) => sum + bytes, 0) - payload.length;
    if (freed > 0) this.#replace(sources, seq, payload);
    else for (const { row } of sources) records.keepWhole(row);
    return Math.max(0, freed);
  }

  /** The new record has the row of the first, since rows tell which is oldest, and the longest life. */
  #replace(sources: readonly Candidate[], seq: number, payload: Uint8Array): void {
    const { records, losses } = this.#parts;
    const [first] = sources;
    const ends = sources.map(({ expires_at_ms: endMs }) => endMs ?? Number.POSITIVE_INFINITY);
    const endMs = Math.max(...ends);
    for (const { row } of sources) records.remove(row);
    records.insertThinned(first.row, {
      ...first,
      seq,
      payload,
      expires_at_ms: Number.isFinite(endMs) ? endMs : null,
      thin: null,
      thinned_from: first.seq,
    });
    const loss = lossOf(sources, seq);
    losses.note(loss);
    for (const run of runsOf(sources, loss)) this.#parts.count(run);
    records.countLost(first.stream, sources.length);
    this.times += 1;
    this.#logThinned(loss);
  }

  #logThinned({ stream, detail }: LossRange): void {
    if (this.#isKnown) return;
    this.#isKnown = true;
    this.#parts.log.warn("outbox.thinned", { stream, detail });
  }
}

function isWhole(row: RecordRow): boolean {
  return hasSoundColumns(row) && hasSoundPayload(row);
}

function lossOf(sources: readonly Candidate[], seq: number): LossRange {
  const [{ epoch, stream, seq: first, thin: ratio }] = sources;
  const last = sources.at(-1)?.seq ?? first;
  const thinned = { ratio, keptFirst: seq, keptLast: seq };
  return { epoch, stream: streamOf(stream), first, last, reason: "thinned", detail: `thinned ${ratio}:1`, thinned };
}

/** The runs of seqs that follow each other. */
function runsOf(sources: readonly Candidate[], loss: LossRange): readonly LossRange[] {
  const runs: LossRange[] = [];
  for (const { seq } of sources) {
    const before = runs.at(-1);
    if (before?.last === seq - 1) runs.splice(-1, 1, { ...before, last: seq });
    else runs.push({ ...loss, first: seq, last: seq });
  }
  return runs;
}
