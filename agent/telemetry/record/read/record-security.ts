import type { RecordBody } from "./decoded-record.ts";
import type { WireRecord } from "./record-schema.ts";

/** Something that says who tries what with the vehicle or its agent. */
export function securityEventOf(wire: NonNullable<WireRecord["security_event"]>): RecordBody {
  const { first_us: firstUs, time_us: timeUs, ...rest } = wire;
  return { kind: "security-event", ...rest, firstUs, timeUs };
}
