import { physicalOf } from "../../../signals/codec/signal-value.ts";
import type { DecodedRecord, RecordBody, RecordSignal } from "./decoded-record.ts";

/** What a sample's signal is; without its signal table only the index is known. */
export type SampleSignal =
  | { readonly index: number }
  | {
      readonly index: number;
      readonly bus: string;
      readonly message: string;
      readonly name: string;
      readonly unit: string;
    };

/** One value of one signal at one time, as a consumer sees it. */
export type Sample = {
  readonly thing: string;
  readonly epoch: number;
  readonly stream: string;
  readonly seq: number;
  /** Receive time, µs since the Unix epoch by the vehicle's wall clock. */
  readonly timeUs: number;
  readonly signal: SampleSignal;
  /** Source and destination address of the frame, of a signal with a PGN; absent for any other. */
  readonly source?: number | undefined;
  readonly destination?: number | undefined;
  /** A bigint beyond 2^53. Without a signal table an unsigned 64-bit signal reads as signed. */
  readonly raw: number | bigint;
  /** raw * factor + offset, a bigint where only that is exact; undefined without a signal table. */
  readonly physical: number | bigint | undefined;
};

/** Signal tables put together from the table records that were seen. */
export class SignalTables {
  readonly #tables = new Map<string, Map<number, RecordSignal>>();

  /** Takes the signals of one part. The same part may come again: equal ids mean equal tables. */
  add(part: Extract<RecordBody, { kind: "table" }>): void {
    const signals = this.#tables.get(part.id) ?? new Map<number, RecordSignal>();
    for (const signal of part.signals) signals.set(signal.index, signal);
    this.#tables.set(part.id, signals);
  }

  /** The signal `index` of the table `id`; undefined while no part with it was seen. */
  find(id: string, index: number): RecordSignal | undefined {
    return this.#tables.get(id)?.get(index);
  }
}

/** The samples of a record, column by column; none for a record of another kind. */
export function* samplesOf(record: DecodedRecord, tables: SignalTables): Generator<Sample> {
  const { thing, epoch, stream, seq, body } = record;
  if (body.kind !== "samples") return;
  for (const column of body.columns) {
    const entry = tables.find(body.table, column.signal);
    const signal = describe(column.signal, entry);
    for (const [at, timeUs] of column.timesUs.entries()) {
      const raw = exactRaw(column.raws[at], entry);
      yield {
        thing,
        epoch,
        stream,
        seq,
        timeUs,
        signal,
        source: column.source,
        destination: column.destination,
        raw,
        physical: entry === undefined ? undefined : physicalOf(raw, entry),
      };
    }
  }
}

function describe(index: number, entry: RecordSignal | undefined): SampleSignal {
  if (entry === undefined) return { index };
  const { bus, message, name, unit } = entry;
  return { index, bus, message, name, unit };
}

function exactRaw(raw: number | bigint, entry: RecordSignal | undefined): number | bigint {
  const isUnsigned = entry !== undefined && entry.kind === "integer" && !entry.signed;
  return isUnsigned && raw < 0 ? BigInt.asUintN(64, BigInt(raw)) : raw;
}
