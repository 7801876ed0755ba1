import { AGGREGATES, type SignalEntry, type SignalKind, type SignalState } from "../../../signals/signal-entry.ts";
import type { SignalTable } from "../../../signals/signal-table.ts";
import { packPieces } from "./pack-pieces.ts";
import { ProtobufWriter } from "./protobuf-writer.ts";
import { encodeNames } from "./signal-names.ts";

/** Field numbers of config/proto/telemetry.proto. */
const TABLE = { id: 1, total: 2, signals: 3, moreTexts: 4, vssRelease: 5 } as const;
const MORE_TEXTS = { signal: 1, valueTexts: 2, vss: 3 } as const;
const SIGNAL = {
  index: 1,
  bus: 2,
  message: 3,
  arbitrationId: 4,
  extended: 5,
  name: 6,
  unit: 7,
  factor: 8,
  offset: 9,
  kind: 10,
  isSigned: 11,
  bits: 12,
  pgn: 13,
  vss: 14,
  valueTexts: 15,
  spn: 16,
  aggregate: 17,
  windowUs: 18,
  expression: 19,
  ranges: 20,
} as const;
const RANGE = { state: 1, first: 2, last: 3 } as const;
const STATE: Readonly<Record<SignalState, number>> = { "not available": 1, error: 2 };
const KIND: Readonly<Record<SignalKind, number>> = { integer: 0, float: 1, double: 2 };

/** Bytes that `id`, `total`, `vssRelease` and the length of the message itself take at most. */
const FRAME_BYTES = 96;

/** A table as far as its records need it. */
export type DescribedTable = Pick<SignalTable, "id" | "signals" | "vssRelease">;

/**
 * The `SignalTable` message as field `field`, in parts of at most `maxBytes` (but for a signal whose names are longer by themselves); an
 * empty table is one part. Of a signal with more texts than a part holds the texts stand apart, in as many parts as they need.
 */
export function encodeTable(table: DescribedTable, field: number, maxBytes: number): Uint8Array[] {
  const roomBytes = maxBytes - FRAME_BYTES;
  return packPieces(piecesOf(table, roomBytes), roomBytes).map((pieces) => encodePart(table, field, pieces));
}

function encodePart(table: DescribedTable, field: number, pieces: readonly Uint8Array[]): Uint8Array {
  const writer = new ProtobufWriter();
  writer.begin(field, pieces.length * 64);
  writer.stringField(TABLE.id, table.id);
  writer.uintField(TABLE.total, table.signals.length);
  writer.stringField(TABLE.vssRelease, table.vssRelease ?? "");
  for (const piece of pieces) writer.append(piece);
  writer.end();
  return writer.finish();
}

/** The fields of the table that hold its signals, each in at most `maxBytes`. */
function* piecesOf({ signals }: DescribedTable, maxBytes: number): Generator<Uint8Array> {
  for (const entry of signals) {
    const names = encodeNames(SIGNAL, entry);
    const whole = encodeSignal(entry, names);
    if (whole.length <= maxBytes || names.length === 0) yield whole;
    else {
      yield encodeSignal(entry, []);
      yield* cutNames(entry.index, encodeNames(MORE_TEXTS, entry, { isCut: true }), maxBytes);
    }
  }
}

/** As many `MoreTexts` as hold all of `names`. */
function* cutNames(signal: number, names: readonly Uint8Array[], maxBytes: number): Generator<Uint8Array> {
  let from = 0;
  let bytes = FRAME_BYTES;
  for (const [at, name] of names.entries()) {
    if (at > from && bytes + name.length > maxBytes) {
      yield encodeMoreTexts(signal, names.slice(from, at));
      from = at;
      bytes = FRAME_BYTES;
    }
    bytes += name.length;
  }
  yield encodeMoreTexts(signal, names.slice(from));
}

function encodeMoreTexts(signal: number, names: readonly Uint8Array[]): Uint8Array {
  const writer = new ProtobufWriter();
  writer.begin(TABLE.moreTexts, names.length * 24);
  writer.uintField(MORE_TEXTS.signal, signal);
  for (const name of names) writer.append(name);
  writer.end();
  return writer.finish();
}

function encodeSignal(entry: SignalEntry, names: readonly Uint8Array[]): Uint8Array {
  const writer = new ProtobufWriter();
  writer.begin(TABLE.signals, 64);
  writer.uintField(SIGNAL.index, entry.index);
  writer.stringField(SIGNAL.bus, entry.bus);
  writer.stringField(SIGNAL.message, entry.message);
  writer.uintField(SIGNAL.arbitrationId, entry.arbitrationId);
  writer.uintField(SIGNAL.extended, entry.extended ? 1 : 0);
  writer.stringField(SIGNAL.name, entry.name);
  writer.stringField(SIGNAL.unit, entry.unit);
  writer.doubleField(SIGNAL.factor, entry.factor);
  writer.doubleField(SIGNAL.offset, entry.offset);
  writer.uintField(SIGNAL.kind, KIND[entry.kind]);
  writer.uintField(SIGNAL.isSigned, entry.signed ? 1 : 0);
  writer.uintField(SIGNAL.bits, entry.bits);
  if (entry.pgn !== undefined) writer.presentUintField(SIGNAL.pgn, entry.pgn);
  for (const name of names) writer.append(name);
  if (entry.spn !== undefined) writer.presentUintField(SIGNAL.spn, entry.spn);
  if (entry.aggregate !== undefined) writer.uintField(SIGNAL.aggregate, AGGREGATES.indexOf(entry.aggregate) + 1);
  writer.uintField(SIGNAL.windowUs, entry.windowUs ?? 0);
  writer.stringField(SIGNAL.expression, entry.expression ?? "");
  for (const { state, first, last } of entry.states ?? []) {
    writer.begin(SIGNAL.ranges, 16);
    writer.uintField(RANGE.state, STATE[state]);
    writer.uintField(RANGE.first, first);
    writer.uintField(RANGE.last, last);
    writer.end();
  }
  writer.end();
  return writer.finish();
}
