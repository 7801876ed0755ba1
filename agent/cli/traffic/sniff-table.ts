import { idKey } from "../../ports/arbitration-id.ts";
import { type CanFrame, FRAME_FLAG } from "../../ports/frame.ts";

/** Ids that are told apart; frames of others are counted. */
const MOST_ROWS = 4096;
const BITS = 8;
const SECOND_US = 1_000_000;

/** What the rows can be sorted by. */
export const SNIFF_SORTS = ["id", "count", "rate", "age", "changed"] as const;
export type SniffSort = (typeof SNIFF_SORTS)[number];

/** One id of a bus. */
export type SniffRow = {
  readonly bus: string;
  readonly id: number;
  readonly extended: boolean;
  readonly count: number;
  /** Frames a second from the first to the newest; undefined with one frame. */
  readonly perSecond: number | undefined;
  readonly ageMs: number;
  /** Data of the newest; of a remote frame zeros. */
  readonly data: Uint8Array;
  readonly remote: boolean;
  /** Bits, a byte of them for each byte of data, that changed within the time asked for and were not learnt before. */
  readonly changed: Uint8Array;
};

type Known = {
  readonly bus: string;
  readonly id: number;
  readonly extended: boolean;
  count: number;
  remote: boolean;
  firstUs: number;
  lastUs: number;
  lastMs: number;
  data: Uint8Array;
  /** When each bit changed last, ms of the monotonic clock; -Infinity for never. */
  changedMs: Float64Array;
  /** Bits that change anyhow: they are not marked. */
  learnt: Uint8Array;
};

/** One row an id, with the bits that change. Error frames have no id and are left out. */
export class SniffTable {
  readonly #rows = new Map<string, Known>();
  #otherFrames = 0;

  /** Frames of ids beyond those that are told apart. */
  get otherFrames(): number {
    return this.#otherFrames;
  }

  /** `nowMs` is that of the monotonic clock. */
  add(bus: string, frame: CanFrame, nowMs: number): void {
    if ((frame.flags & FRAME_FLAG.error) !== 0) return;
    const extended = (frame.flags & FRAME_FLAG.extended) !== 0;
    const key = `${bus} ${idKey(frame.id, extended)}`;
    const known = this.#rows.get(key);
    if (known !== undefined) note(known, frame, nowMs);
    else if (this.#rows.size < MOST_ROWS) this.#rows.set(key, firstOf(bus, frame, extended, nowMs));
    else this.#otherFrames += 1;
  }

  /** From now on the bits that have changed so far are not marked: what a person does next stands out. */
  learn(): void {
    for (const row of this.#rows.values()) {
      for (let bit = 0; bit < row.changedMs.length; bit += 1) {
        if (row.changedMs[bit] > Number.NEGATIVE_INFINITY) row.learnt[bit >>> 3] |= maskOf(bit);
      }
    }
  }

  /** The rows; bits are marked that changed within `holdMs`. */
  rows(sort: SniffSort, nowMs: number, holdMs: number): readonly SniffRow[] {
    const rows = [...this.#rows.values()].map((row) => rowOf(row, nowMs, holdMs)).toSorted(byId);
    switch (sort) {
      case "id":
        return rows;
      case "count":
        return rows.toSorted((a, b) => b.count - a.count);
      case "rate":
        return rows.toSorted((a, b) => (b.perSecond ?? 0) - (a.perSecond ?? 0));
      case "age":
        return rows.toSorted((a, b) => a.ageMs - b.ageMs);
      case "changed":
        return rows.toSorted((a, b) => bitsIn(b.changed) - bitsIn(a.changed));
    }
  }
}

/** How many bits are set. */
export function bitsIn(bytes: Uint8Array): number {
  let bits = 0;
  for (const byte of bytes) for (let rest = byte; rest !== 0; rest &= rest - 1) bits += 1;
  return bits;
}

function firstOf(bus: string, frame: CanFrame, extended: boolean, nowMs: number): Known {
  const { id, data, receivedAtUs } = frame;
  return {
    bus,
    id,
    extended,
    count: 1,
    remote: (frame.flags & FRAME_FLAG.remote) !== 0,
    firstUs: receivedAtUs,
    lastUs: receivedAtUs,
    lastMs: nowMs,
    data,
    changedMs: never(data.length),
    learnt: new Uint8Array(data.length),
  };
}

function note(row: Known, frame: CanFrame, nowMs: number): void {
  const { data, receivedAtUs } = frame;
  if (data.length > row.learnt.length) widen(row, data.length);
  for (let at = 0; at < data.length; at += 1) {
    // A byte that was not there before has changed as a whole.
    const difference = at < row.data.length ? data[at] ^ row.data[at] : 0xff;
    if (difference === 0) continue;
    for (let bit = 0; bit < BITS; bit += 1)
      if ((difference & (0x80 >>> bit)) !== 0) row.changedMs[at * BITS + bit] = nowMs;
  }
  row.count += 1;
  row.remote = (frame.flags & FRAME_FLAG.remote) !== 0;
  row.lastUs = receivedAtUs;
  row.lastMs = nowMs;
  row.data = data;
}

function widen(row: Known, bytes: number): void {
  const changedMs = never(bytes);
  changedMs.set(row.changedMs);
  const learnt = new Uint8Array(bytes);
  learnt.set(row.learnt);
  row.changedMs = changedMs;
  row.learnt = learnt;
}

function never(bytes: number): Float64Array {
  return new Float64Array(bytes * BITS).fill(Number.NEGATIVE_INFINITY);
}

/** The highest bit of a byte comes first. */
function maskOf(bit: number): number {
  return 0x80 >>> (bit & 7);
}

function rowOf(row: Known, nowMs: number, holdMs: number): SniffRow {
  const { bus, id, extended, count, remote, data, firstUs, lastUs } = row;
  const changed = new Uint8Array(data.length);
  for (let bit = 0; bit < data.length * BITS; bit += 1) {
    if (row.changedMs[bit] > nowMs - holdMs && (row.learnt[bit >>> 3] & maskOf(bit)) === 0)
      changed[bit >>> 3] |= maskOf(bit);
  }
  const spanUs = lastUs - firstUs;
  const perSecond = spanUs > 0 ? ((count - 1) * SECOND_US) / spanUs : undefined;
  return { bus, id, extended, count, perSecond, ageMs: nowMs - row.lastMs, data, remote, changed };
}

function byId(a: SniffRow, b: SniffRow): number {
  if (a.bus !== b.bus) return a.bus < b.bus ? -1 : 1;
  return idKey(a.id, a.extended) - idKey(b.id, b.extended);
}
