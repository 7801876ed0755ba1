import type { RecordBody } from "./decoded-record.ts";
import type { WireRecord } from "./record-schema.ts";

/** Values that another program handed over. */
export function programValuesOf(wire: NonNullable<WireRecord["program_values"]>): RecordBody {
  const { time_us: timeUs, ...rest } = wire;
  return { kind: "program-values", ...rest, timeUs };
}

/** Bytes that another program handed over. */
export function programBytesOf(wire: NonNullable<WireRecord["program_bytes"]>): RecordBody {
  const { program, content_type: contentType, content, time_us: timeUs } = wire;
  return { kind: "program-bytes", program, contentType, content: Uint8Array.from(content), timeUs };
}
