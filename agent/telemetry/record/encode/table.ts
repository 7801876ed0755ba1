import type { SignalEntry, SignalKind } from "../../../signals/signal-entry.ts";
import type { SignalTable } from "../../../signals/signal-table.ts";
import { ProtobufWriter } from "./protobuf-writer.ts";

/** Field numbers of config/proto/telemetry.proto. */
const TABLE = { id: 1, total: 2, signals: 3 } as const;
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
} as const;
const KIND: Readonly<Record<SignalKind, number>> = { integer: 0, float: 1, double: 2 };

/** Bytes that `id`, `total` and the length of the message itself take at most. */
const FRAME_BYTES = 64;

/**
 * The `SignalTable` message as field `field`, in parts of at most `maxBytes` (but for a single signal that is longer); an empty
 * table is one part.
 */
export function encodeTable(table: SignalTable, field: number, maxBytes: number): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let signals: Uint8Array[] = [];
  let bytes = FRAME_BYTES;
  for (const entry of table.signals) {
    const encoded = encodeSignal(entry);
    if (signals.length > 0 && bytes + encoded.length > maxBytes) {
      parts.push(encodePart(table, field, signals));
      signals = [];
      bytes = FRAME_BYTES;
    }
    signals.push(encoded);
    bytes += encoded.length;
  }
  parts.push(encodePart(table, field, signals));
  return parts;
}

function encodePart(table: SignalTable, field: number, signals: readonly Uint8Array[]): Uint8Array {
  const writer = new ProtobufWriter();
  writer.begin(field, signals.length * 64);
  writer.stringField(TABLE.id, table.id);
  writer.uintField(TABLE.total, table.signals.length);
  for (const signal of signals) writer.append(signal);
  writer.end();
  return writer.finish();
}

function encodeSignal(entry: SignalEntry): Uint8Array {
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
  writer.end();
  return writer.finish();
}
