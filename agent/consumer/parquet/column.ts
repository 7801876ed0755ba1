import type { ColumnSource, ParquetWriter } from "hyparquet-writer";

/** What a column is in the schema of a file, but for its name and whether it may be empty. */
type Element = Omit<ParquetWriter["schema"][number], "name" | "repetition_type" | "num_children">;

/** A column of the rows that `From` holds. */
export type Column<From> = {
  readonly element: Element;
  /** Whether each row has a value. */
  readonly required: boolean;
  /** Absent: a dictionary where that is smaller. */
  readonly encoding?: NonNullable<ColumnSource["encoding"]>;
  /** Whether readers may skip row groups by its least and largest value. */
  readonly statistics: boolean;
  /** The values of all rows in their order; null for none. Called when the column is written, so that one is in memory at a time. */
  readonly build: (from: From) => ColumnSource["data"];
};

export const TEXT: Element = { type: "BYTE_ARRAY", converted_type: "UTF8", logical_type: { type: "STRING" } };
export const INT32: Element = { type: "INT32" };
export const INT64: Element = { type: "INT64" };
export const DOUBLE: Element = { type: "DOUBLE" };
/** µs since the Unix epoch, UTC. */
export const TIME: Element = {
  type: "INT64",
  converted_type: "TIMESTAMP_MICROS",
  logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "MICROS" },
};

/** An integer for a column of 64 bits; null where there is none. */
export function wide(value: number | undefined): bigint | null {
  return value === undefined ? null : BigInt(value);
}
