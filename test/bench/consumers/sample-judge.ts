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

/** Samples of one signal that a campaign took, as they were received. */
export type TakenColumn = {
  readonly message: string;
  readonly name: string;
  /** "physical": values are raw * factor + offset. */
  readonly form: "raw" | "physical";
  /** µs since the Unix epoch. */
  readonly timesUs: readonly number[];
  readonly values: readonly (number | bigint)[];
};

/** Compares the samples of a record with what went onto the bus. */
export interface SampleJudge {
  judge(columns: readonly SampleColumn[]): RecordVerdict;
  /** Samples of a campaign, which takes some of what is sent: each must have been sent at its time. */
  judgeTaken(columns: readonly TakenColumn[]): RecordVerdict;
  /** What is wrong in a signal table, compared with the DBC; empty when nothing is. `isWhole`: it is the vehicle's, with every signal. */
  judgeTable(signals: readonly WireSignal[], isWhole: boolean): readonly string[];
}

type Scale = { readonly factor: number; readonly offset: number };

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

  add({ samples, mismatches, unverified, frames, remarks }: RecordVerdict): void {
    this.samples += samples;
    this.mismatches += mismatches;
    this.unverified += unverified;
    this.frames += frames;
    this.remarks.push(...remarks.slice(0, MAX_REMARKS - this.remarks.length));
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

/** raw * factor + offset: the exact integer where all three are integers, a bigint beyond 2^53. */
export function physicalOf(raw: number | bigint, { factor, offset }: Scale): number | bigint {
  if (typeof raw === "number") return raw * factor + offset;
  if (!Number.isInteger(factor) || !Number.isInteger(offset)) return Number(raw) * factor + offset;
  const exact = raw * BigInt(factor) + BigInt(offset);
  return exact >= -(2n ** 53n) && exact <= 2n ** 53n ? Number(exact) : exact;
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
