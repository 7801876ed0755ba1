import {
  type LossRange,
  type QueuedRecord,
  type RecordId,
  type StreamName,
  THIN_TOGETHER,
} from "../../../agent/ports/outbox.ts";

/** A stored record of a `FakeOutbox`. */
export type Held = {
  readonly record: QueuedRecord;
  readonly dead: boolean;
  readonly report: LossRange | undefined;
  readonly thin: number | undefined;
};
/** All that a `FakeOutbox` knows; a call works on a copy. */
export type State = {
  held: readonly Held[];
  losses: readonly LossRange[];
  /** Noted by the call that is under way. */
  noted: readonly LossRange[];
  row: number;
  seqs: Readonly<Record<StreamName, number>>;
  lost: Readonly<Record<StreamName, number>>;
  kept: ReadonlyMap<string, Uint8Array>;
};

/** The first of them that are thinned together; none where they are too few. */
export function together(free: readonly Held[]): readonly Held[] {
  const { minRecords, maxRecords, minBytes, maxBytes } = THIN_TOGETHER;
  const end = free.findIndex((_, at) => at + 1 === maxRecords || bytesOf(free.slice(0, at + 1)) >= maxBytes);
  const found = end < 0 ? free : free.slice(0, end + 1);
  return found.length >= minRecords || bytesOf(found) >= minBytes ? found : [];
}

/** The seq of `id` is given out. */
export function assign(state: State, { stream, seq }: RecordId): void {
  state.seqs = { ...state.seqs, [stream]: Math.max(seq, state.seqs[stream]) };
}

/** Ranges of thinned records that touch or overlap are one. */
function noteThinned(state: State, loss: LossRange, into: NonNullable<LossRange["thinned"]>): void {
  const touching = state.losses.filter(
    (other) =>
      other.epoch === loss.epoch &&
      other.stream === loss.stream &&
      other.detail === loss.detail &&
      other.reason === "thinned" &&
      other.first <= loss.last + 1 &&
      other.last >= loss.first - 1,
  );
  const all = [...touching, loss];
  const keptFirst = Math.min(...all.map(({ thinned }) => thinned?.keptFirst ?? 0));
  const keptLast = Math.max(...all.map(({ thinned }) => thinned?.keptLast ?? 0));
  const first = Math.min(...all.map((other) => other.first));
  const last = Math.max(...all.map((other) => other.last));
  const union = { ...loss, first, last, thinned: { ...into, keptFirst, keptLast } };
  state.losses = [...state.losses.filter((other) => !touching.includes(other)), union];
}

/** Notes a loss, merged with its neighbours. */
export function note(state: State, loss: LossRange): void {
  if (loss.thinned !== undefined) {
    noteThinned(state, loss, loss.thinned);
    return;
  }
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

/** Payload bytes. */
export function bytesOf(held: readonly Held[]): number {
  return held.reduce((sum, { record }) => sum + record.payload.length, 0);
}

/** A zero for each stream. */
export function counts(): Readonly<Record<StreamName, number>> {
  return { control: 0, event: 0, telemetry: 0, capture: 0 };
}
