import { timesOf, valuesOf, type WireSamples, type WireSignal } from "./record-reader.ts";

/** Samples of one signal in one record. Columns with equal `axis` hold samples of the same frames. */
export type SampleColumn = {
  readonly signal: WireSignal;
  readonly axis: number;
  /** µs since the Unix epoch. */
  readonly timesUs: readonly number[];
  readonly values: readonly (number | bigint)[];
};

/** What the check of one record came to. */
export type RecordVerdict = {
  readonly samples: number;
  /** Samples that differ from what was sent, or that should be there and are not. */
  readonly mismatches: number;
  /** Samples for which it could not be told what was sent. */
  readonly unverified: number;
  /** Frames that the record proves to have been received. */
  readonly frames: number;
  /** The first mismatches in words, for a person. */
  readonly remarks: readonly string[];
};

/** Compares the samples of a record with what went onto the bus. */
export interface SampleJudge {
  judge(columns: readonly SampleColumn[]): RecordVerdict;
  /** What is wrong in a signal table, compared with the DBC; empty when nothing is. */
  judgeTable(signals: readonly WireSignal[]): readonly string[];
}

const MAX_REMARKS = 5;

/** Adds up a verdict. */
export class Tally {
  samples = 0;
  mismatches = 0;
  unverified = 0;
  frames = 0;
  readonly remarks: string[] = [];

  mismatch(remark: string): void {
    this.mismatches += 1;
    if (this.remarks.length < MAX_REMARKS) this.remarks.push(remark);
  }

  verdict(): RecordVerdict {
    const { samples, mismatches, unverified, frames, remarks } = this;
    return { samples, mismatches, unverified, frames, remarks };
  }
}

/** Columns with their signal's table row, absolute times and values. Throws for a column whose signal the table lacks. */
export function columnsOf(samples: WireSamples, table: ReadonlyMap<number, WireSignal>): readonly SampleColumn[] {
  const times = samples.axes.map((_, axis) => timesOf(samples, axis));
  return samples.columns.map((column) => {
    const signal = table.get(column.signal);
    const timesUs = times[column.axis];
    if (signal === undefined) throw new Error(`signal ${column.signal} is not in table ${samples.table}`);
    if (timesUs === undefined) throw new Error(`${signal.message}.${signal.name} has no axis ${column.axis}`);
    const values = valuesOf(column, signal);
    if (values.length !== timesUs.length) {
      throw new Error(`${signal.message}.${signal.name} has ${values.length} values for ${timesUs.length} times`);
    }
    return { signal, axis: column.axis, timesUs, values };
  });
}

/** Columns by message, "bus message". */
export function byMessage(columns: readonly SampleColumn[]): ReadonlyMap<string, readonly SampleColumn[]> {
  return Map.groupBy(columns, ({ signal }) => `${signal.bus} ${signal.message}`);
}

/** Table kind of a DBC kind. */
export const TABLE_KIND = {
  integer: "SIGNAL_KIND_INTEGER",
  float: "SIGNAL_KIND_FLOAT",
  double: "SIGNAL_KIND_DOUBLE",
} as const;
