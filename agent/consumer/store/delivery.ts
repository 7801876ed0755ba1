import type { DecodedRecord } from "../../telemetry/record/read/decoded-record.ts";
import type { RecordTable } from "./record-table.ts";

/** One arrival of a record at a worker, decoded. The same record may arrive again, here or at another worker. */
export type Delivery = {
  readonly record: DecodedRecord;
  /**
   * The record's payload in the clear, compressed as it came: `RecordReader.decode` gives `record` of it again, but for a body "foreign",
   * which is never decoded. A sink may keep it in place of rows and make those later. Not changed after, so that it may be kept without
   * a copy.
   */
  readonly payload: Uint8Array;
  /** Bytes of the payload on the wire: more than `payload` has where it was encrypted. */
  readonly wireBytes: number;
  /** µs since the Unix epoch by the worker's wall clock. */
  readonly receivedUs: number;
  /**
   * The whole signal table of the samples of `record`. Undefined for a record of another kind, and where the table was not known though
   * the worker has waited for it: it may become known by a later delivery of the thing, or never.
   */
  readonly table: RecordTable | undefined;
};
