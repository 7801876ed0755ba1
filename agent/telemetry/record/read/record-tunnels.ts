import type { RecordBody } from "./decoded-record.ts";
import type { WireRecord } from "./record-schema.ts";

/** A tunnel of support, and what went through it. */
export function tunnelEventOf(wire: NonNullable<WireRecord["tunnel_event"]>): RecordBody {
  const { bytes_in: bytesIn, bytes_out: bytesOut, lasted_ms: lastedMs, counts, time_us: timeUs, ...rest } = wire;
  return { kind: "tunnel-event", ...rest, bytesIn, bytesOut, lastedMs, counts: counts ?? undefined, timeUs };
}
